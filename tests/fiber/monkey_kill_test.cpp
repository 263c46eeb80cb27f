// The promises of the monkey patch (parking.hpp, patched.hpp): a killed fiber leaves every call
// with ECANCELED and without an exception, through frames of C; and signals.
#include "runtime/fiber/monkey.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <netdb.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <sys/select.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstdlib>
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "runtime/base/unique_fd.hpp"
#include "runtime/fiber/fiber.hpp"
#include "tests/support/monkey.hpp"

namespace simul {
namespace {

using namespace std::chrono_literals;
using testing::a_pipe;
using testing::Monkey;
using testing::Pair;
using testing::pollers;
using testing::Receiver;
using testing::receivers;
using testing::Sender;
using testing::senders;
using testing::sockets;

// --- Killed -------------------------------------------------------------------------------------

// Calls `wait` from a C function's callback, in a fiber that is killed meanwhile. Returns whether
// the frames of C were left in the ordinary way, and errno.
struct Verdict {
  bool c_returned = false;
  bool cancelled = false;
  int error = 0;
};

std::function<void()>* in_callback = nullptr;

int compare(const void*, const void*) {
  (*in_callback)();
  return 0;
}

Verdict kill_in(std::function<void()> wait) {
  Verdict verdict;
  bool called = false;
  std::function<void()> once = [&] {
    if (std::exchange(called, true)) return;
    wait();
    verdict.error = errno;
  };
  auto fiber = spawn([&] {
    in_callback = &once;
    int numbers[] = {2, 1};
    std::qsort(numbers, 2, sizeof *numbers, compare);
    verdict.c_returned = true;
    this_fiber::yield();
    ADD_FAILURE() << "a killed fiber went on";
  });
  this_fiber::sleep_for(1ms);
  fiber.kill();
  fiber.join();
  verdict.cancelled = fiber.cancelled();
  return verdict;
}

TEST_F(Monkey, AKilledFiberLeavesEveryCallWithEcanceledAndNoException) {
  const Pair pair = sockets();
  const UniqueFd listener(::socket(AF_INET, SOCK_STREAM, 0));
  ASSERT_EQ(::listen(listener.get(), 1), 0);  // at a port of the system's choice
  const int fd = pair.near.get();
  const std::string text(10'000'000, 'x');
  std::vector<std::pair<const char*, std::function<void()>>> calls = {
      {"sleep", [] { EXPECT_EQ(::sleep(1000), 1000u); }},
      {"usleep", [] { EXPECT_EQ(::usleep(999'999'999), -1); }},
      {"nanosleep",
       [] {
         timespec time{1000, 0};
         EXPECT_EQ(::nanosleep(&time, &time), -1);
         EXPECT_GE(time.tv_sec, 900);
       }},
      {"clock_nanosleep",
       [] {
         const timespec time{1000, 0};
         errno = ::clock_nanosleep(CLOCK_MONOTONIC, 0, &time, nullptr);
       }},
      {"accept", [&] { EXPECT_EQ(::accept(listener.get(), nullptr, nullptr), -1); }},
      {"poll",
       [fd] {
         pollfd entry{fd, POLLIN, 0};
         EXPECT_EQ(::poll(&entry, 1, -1), -1);
       }},
      {"select",
       [fd] {
         fd_set readable;
         FD_ZERO(&readable);
         FD_SET(fd, &readable);
         EXPECT_EQ(::select(fd + 1, &readable, nullptr, nullptr, nullptr), -1);
       }},
      {"write", [&, fd] { EXPECT_EQ(::write(fd, text.data(), text.size()), -1); }},
  };
  for (const Receiver& receiver : receivers()) {
    calls.emplace_back(receiver.name, [&receiver, fd] {
      char data[16];
      EXPECT_EQ(receiver.receive(fd, data, sizeof data), -1);
    });
  }
  for (const auto& [name, call] : calls) {
    SCOPED_TRACE(name);
    const Verdict verdict = kill_in(call);
    EXPECT_TRUE(verdict.c_returned);
    EXPECT_TRUE(verdict.cancelled);
    EXPECT_EQ(verdict.error, ECANCELED);
  }
}

TEST_F(Monkey, EveryFurtherCallInAKilledFiberReturnsAtOnce) {
  const Pair pair = sockets();
  const Pair busy = sockets();
  ::write(busy.far.get(), "x", 1);  // even though there is something to be had
  const Verdict verdict = kill_in([&] {
    ::sleep(1000);
    EXPECT_EQ(::sleep(1000), 1000u);
    EXPECT_EQ(::usleep(0), -1);
    for (const Receiver& receiver : receivers()) {
      char data[16];
      errno = 0;
      EXPECT_EQ(receiver.receive(busy.near.get(), data, sizeof data), -1) << receiver.name;
      EXPECT_EQ(errno, ECANCELED) << receiver.name;
    }
    for (const Sender& sender : senders()) {
      errno = 0;
      EXPECT_EQ(sender.send(pair.near.get(), "x"), -1) << sender.name;
      EXPECT_EQ(errno, ECANCELED) << sender.name;
    }
    for (const auto& [name, poll] : pollers()) {
      pollfd entry{busy.near.get(), POLLIN, 0};
      errno = 0;
      EXPECT_EQ(poll(&entry, 1, 0), -1) << name;
      EXPECT_EQ(errno, ECANCELED) << name;
    }
    const UniqueFd fd(::socket(AF_INET, SOCK_STREAM, 0));
    sockaddr_in address{};
    address.sin_family = AF_INET;
    errno = 0;
    EXPECT_EQ(::connect(fd.get(), reinterpret_cast<sockaddr*>(&address), sizeof address), -1);
    EXPECT_EQ(errno, ECANCELED);
    addrinfo* list = nullptr;
    errno = 0;
    EXPECT_EQ(::getaddrinfo("127.0.0.1", "80", nullptr, &list), EAI_SYSTEM);
    EXPECT_EQ(errno, ECANCELED);
  });
  EXPECT_TRUE(verdict.c_returned);
  EXPECT_TRUE(verdict.cancelled);
}

TEST_F(Monkey, AKilledFiberCanStillCleanUp) {
  const Pair pair = sockets();
  ::fcntl(pair.near.get(), F_SETFL, O_NONBLOCK);
  kill_in([&] {
    ::sleep(1000);
    UniqueFd twin(::dup(pair.far.get()));
    EXPECT_EQ(::close(twin.release()), 0);
    EXPECT_EQ(::write(pair.near.get(), "bye", 3), 3);
  });
}

TEST_F(Monkey, AWriteThatIsKilledHalfWaySaysSo) {
  const Pair pair = sockets();
  const std::string text(10'000'000, 'x');
  const Verdict verdict =
      kill_in([&] { EXPECT_EQ(::write(pair.near.get(), text.data(), text.size()), -1); });
  EXPECT_EQ(verdict.error, ECANCELED);
}

// --- Signals ------------------------------------------------------------------------------------

int handler_pipe = -1;
int handled = 0;

void on_signal(int) {
  ++handled;
  const int saved = errno;
  if (::write(handler_pipe, "!", 1) != 1) std::abort();
  errno = saved;
}

class HandlerOf {
 public:
  HandlerOf(int signal, int flags) : signal_(signal) {
    struct sigaction action {};
    action.sa_handler = on_signal;
    action.sa_flags = flags;
    ::sigaction(signal, &action, &before_);
    handled = 0;
  }
  ~HandlerOf() { ::sigaction(signal_, &before_, nullptr); }

 private:
  int signal_;
  struct sigaction before_ {};
};

TEST_F(Monkey, ASignalDoesNotInterruptAParkedCall) {
  const Pair pipe = a_pipe();
  handler_pipe = pipe.far.get();
  const HandlerOf handler(SIGUSR1, 0);
  const Pair pair = sockets();
  together(
      [&] {
        char byte;
        EXPECT_EQ(::read(pair.near.get(), &byte, 1), 1);
        EXPECT_EQ(handled, 1);
      },
      [&] {
        ::raise(SIGUSR1);
        this_fiber::sleep_for(1ms);
        ::write(pair.far.get(), "x", 1);
      });
}

TEST_F(Monkey, AHandlerMayWriteToAPipeWhereverItInterrupts) {
  for (const int flags : {0, SA_ONSTACK}) {
    const Pair pipe = a_pipe();
    handler_pipe = pipe.far.get();
    const HandlerOf handler(SIGUSR1, flags);
    together(
        [&] {
          char bytes[2];
          EXPECT_EQ(::recv(pipe.near.get(), bytes, 1, 0), -1);  // no socket
          EXPECT_EQ(errno, ENOTSOCK);
          EXPECT_EQ(::read(pipe.near.get(), bytes, 1), 1);
        },
        [] { ::raise(SIGUSR1); });
    EXPECT_EQ(handled, 1);
  }
}

TEST_F(Monkey, AHandlerOnItsOwnStackGoesStraightToLibcEvenInAKilledFiber) {
  const Pair pipe = a_pipe();
  handler_pipe = pipe.far.get();
  const HandlerOf handler(SIGUSR1, SA_ONSTACK);
  kill_in([] {
    ::sleep(1000);
    ::raise(SIGUSR1);
  });
  EXPECT_EQ(handled, 1);
}

}  // namespace
}  // namespace simul
