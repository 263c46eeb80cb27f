// The promises of the monkey patch (runtime/fiber/monkey.hpp, patched.hpp), asked through libc's
// own names: this program is linked with monkey.o.
//
// Where two fibers need each other (one receives what the other sends later), a call that blocked
// the thread would never end, so no clock is needed to tell. Sleeps are virtual.
#include "runtime/fiber/monkey.hpp"

#include <arpa/inet.h>
#include <fcntl.h>
#include <gtest/gtest.h>
#include <netdb.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/select.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <string>
#include <thread>
#include <vector>

#include "runtime/base/unique_fd.hpp"
#include "runtime/fiber/fiber.hpp"
#include "runtime/fiber/patched.hpp"
#include "runtime/reactor/descriptor.hpp"

#if defined(__GLIBC__)
extern "C" {
ssize_t __read_chk(int fd, void* data, size_t size, size_t room);
ssize_t __recv_chk(int fd, void* data, size_t size, size_t room, int flags);
ssize_t __recvfrom_chk(int fd, void* data, size_t size, size_t room, int flags, sockaddr* from,
                       socklen_t* length);
int __poll_chk(pollfd* fds, nfds_t count, int milliseconds, size_t room);
int __ppoll_chk(pollfd* fds, nfds_t count, const timespec* limit, const sigset_t* mask,
                size_t room);
}
#endif

namespace simul {
namespace {

using namespace std::chrono_literals;

struct Pair {
  UniqueFd near;
  UniqueFd far;
};

Pair sockets(int type = SOCK_STREAM) {
  int fds[2];
  check(::socketpair(AF_UNIX, type, 0, fds), "socketpair");
  return {UniqueFd(fds[0]), UniqueFd(fds[1])};
}

Pair a_pipe() {
  int fds[2];
  check(::pipe(fds), "pipe");
  return {UniqueFd(fds[0]), UniqueFd(fds[1])};
}

class Monkey : public testing::Test {
 protected:
  static void SetUpTestSuite() { monkey::patch_all(); }

  // Both at once, `first` first; gives up its test if they never end.
  static void together(std::function<void()> first, std::function<void()> second) {
    auto one = spawn(std::move(first));
    auto two = spawn(std::move(second));
    one.result();
    two.result();
  }

  Reactor loop_;
};

// --- Sleeping -----------------------------------------------------------------------------------

class MonkeySleep : public Monkey {
 protected:
  // Each of two fibers sleeps; both are through after the time of one.
  static void expect_overlap(Duration each, std::function<void()> sleep) {
    VirtualTime virtual_time;
    Reactor loop;
    const TimePoint start = Clock::now();
    auto one = spawn(sleep);
    auto two = spawn(sleep);
    join_all<void>({one, two});
    EXPECT_EQ(Clock::now() - start, each);
  }
};

TEST_F(MonkeySleep, SleepParksTheFiber) {
  expect_overlap(1000s, [] { EXPECT_EQ(::sleep(1000), 0u); });
}

TEST_F(MonkeySleep, UsleepParksTheFiber) {
  expect_overlap(2s, [] { EXPECT_EQ(::usleep(2'000'000), 0); });
}

TEST_F(MonkeySleep, NanosleepParksTheFiber) {
  expect_overlap(1000s + 500ms, [] {
    const timespec wanted{1000, 500'000'000};
    EXPECT_EQ(::nanosleep(&wanted, nullptr), 0);
  });
}

TEST_F(MonkeySleep, ClockNanosleepParksTheFiber) {
  expect_overlap(1000s, [] {
    const timespec wanted{1000, 0};
    EXPECT_EQ(::clock_nanosleep(CLOCK_MONOTONIC, 0, &wanted, nullptr), 0);
  });
}

TEST_F(MonkeySleep, ClockNanosleepKnowsAbsoluteTimes) {
  expect_overlap(1000s, [] {
    const auto until = (Clock::now() + 1000s).time_since_epoch().count();
    const timespec wanted{static_cast<time_t>(until / 1'000'000'000), until % 1'000'000'000};
    EXPECT_EQ(::clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &wanted, nullptr), 0);
  });
}

TEST_F(MonkeySleep, TheStandardLibrarysSleepParksTheFiber) {
  expect_overlap(1000s, [] { std::this_thread::sleep_for(1000s); });
}

TEST_F(MonkeySleep, ASleepOfZeroLetsTheOthersGoFirst) {
  std::string log;
  const auto letters = [&log](char letter) {
    for (int i = 0; i < 3; ++i) {
      log += letter;
      ::sleep(0);
    }
  };
  auto a = spawn(letters, 'a');
  auto b = spawn(letters, 'b');
  join_all<void>({a, b});
  EXPECT_EQ(log, "ababab");
}

TEST_F(MonkeySleep, NonsenseIsRefusedAsByLibc) {
  auto fiber = spawn([] {
    const timespec backwards{-1, 0};
    const timespec too_many{0, 1'000'000'000};
    EXPECT_EQ(::nanosleep(&backwards, nullptr), -1);
    EXPECT_EQ(errno, EINVAL);
    EXPECT_EQ(::nanosleep(&too_many, nullptr), -1);
    EXPECT_EQ(errno, EINVAL);
    EXPECT_EQ(::clock_nanosleep(CLOCK_MONOTONIC, 0, &too_many, nullptr), EINVAL);
    EXPECT_EQ(::clock_nanosleep(12345, 0, &too_many, nullptr), EINVAL);
  });
  fiber.result();
}

TEST_F(MonkeySleep, InRealTimeItIsNeverShort) {
  auto fiber = spawn([] {
    const auto start = std::chrono::steady_clock::now();
    ::usleep(20'000);
    EXPECT_GE(std::chrono::steady_clock::now() - start, 20ms);
  });
  fiber.result();
}

// --- Receiving ----------------------------------------------------------------------------------

using Receive = std::function<ssize_t(int fd, char* data, size_t size)>;
struct Receiver {
  const char* name;
  Receive receive;
  bool sockets_only;
};

ssize_t receive_message(int fd, char* data, size_t size) {
  iovec pieces[2] = {{data, size / 2}, {data + size / 2, size - size / 2}};
  msghdr message{};
  message.msg_iov = pieces;
  message.msg_iovlen = 2;
  return ::recvmsg(fd, &message, 0);
}

ssize_t read_pieces(int fd, char* data, size_t size) {
  const iovec pieces[2] = {{data, size / 2}, {data + size / 2, size - size / 2}};
  return ::readv(fd, pieces, 2);
}

const std::vector<Receiver>& receivers() {
  static const std::vector<Receiver> all = {
    {"read", [](int fd, char* data, size_t size) { return ::read(fd, data, size); }, false},
    {"readv", read_pieces, false},
    {"recv", [](int fd, char* data, size_t size) { return ::recv(fd, data, size, 0); }, true},
    {"recvfrom",
     [](int fd, char* data, size_t size) {
       return ::recvfrom(fd, data, size, 0, nullptr, nullptr);
     },
     true},
    {"recvmsg", receive_message, true},
#if defined(__GLIBC__)
    {"__read_chk", [](int fd, char* data, size_t size) { return __read_chk(fd, data, size, size); },
     false},
    {"__recv_chk",
     [](int fd, char* data, size_t size) { return __recv_chk(fd, data, size, size, 0); }, true},
    {"__recvfrom_chk",
     [](int fd, char* data, size_t size) {
       return __recvfrom_chk(fd, data, size, size, 0, nullptr, nullptr);
     },
     true},
#endif
  };
  return all;
}

class MonkeyReceive : public Monkey {
 protected:
  static void expect_parks(const Receiver& receiver, const Pair& pair) {
    SCOPED_TRACE(receiver.name);
    together(
        [&] {
          char data[16];
          EXPECT_EQ(receiver.receive(pair.near.get(), data, sizeof data), 5);
          EXPECT_EQ(std::string(data, 5), "hello");
        },
        [&] { EXPECT_EQ(::write(pair.far.get(), "hello", 5), 5); });
  }
};

TEST_F(MonkeyReceive, EveryCallParksItsFiberUntilAnotherSends) {
  for (const Receiver& receiver : receivers()) {
    expect_parks(receiver, sockets());
    if (!receiver.sockets_only) expect_parks(receiver, a_pipe());
  }
}

TEST_F(MonkeyReceive, EveryCallHearsOfTheEnd) {
  for (const Receiver& receiver : receivers()) {
    SCOPED_TRACE(receiver.name);
    Pair pair = sockets();
    together(
        [&] {
          char data[16];
          EXPECT_EQ(receiver.receive(pair.near.get(), data, sizeof data), 0);
        },
        [&] { pair.far.reset(); });
  }
}

TEST_F(MonkeyReceive, EveryCallRefusesABadDescriptor) {
  auto fiber = spawn([] {
    for (const Receiver& receiver : receivers()) {
      SCOPED_TRACE(receiver.name);
      char data[16];
      EXPECT_EQ(receiver.receive(-1, data, sizeof data), -1);
      EXPECT_EQ(errno, EBADF);
    }
  });
  fiber.result();
}

TEST_F(MonkeyReceive, ADatagramComesWholeWithItsSender) {
  const Pair pair = sockets(SOCK_DGRAM);
  together(
      [&] {
        char data[16];
        EXPECT_EQ(::recv(pair.near.get(), data, sizeof data, MSG_WAITALL), 3);
        EXPECT_EQ(::recv(pair.near.get(), data, 2, 0), 2);  // the rest of this one is lost
        EXPECT_EQ(::recv(pair.near.get(), data, sizeof data, 0), 1);
      },
      [&] {
        for (const char* text : {"one", "three", "x"}) {
          EXPECT_GT(::send(pair.far.get(), text, std::string(text).size(), 0), 0);
          this_fiber::yield();
        }
      });
}

TEST_F(MonkeyReceive, WaitallCollectsAllOfIt) {
  for (const bool by_message : {false, true}) {
    const Pair pair = sockets();
    together(
        [&] {
          char data[6];
          iovec pieces[2] = {{data, 1}, {data + 1, 5}};
          msghdr message{};
          message.msg_iov = pieces;
          message.msg_iovlen = 2;
          EXPECT_EQ(by_message ? ::recvmsg(pair.near.get(), &message, MSG_WAITALL)
                               : ::recv(pair.near.get(), data, 6, MSG_WAITALL),
                    6);
          EXPECT_EQ(std::string(data, 6), "abcdef");
        },
        [&] {
          for (const char* text : {"ab", "cd", "ef"}) {
            ::send(pair.far.get(), text, 2, 0);
            this_fiber::sleep_for(1ms);
          }
        });
  }
}

TEST_F(MonkeyReceive, WaitallGivesWhatThereIsAtTheEnd) {
  Pair pair = sockets();
  together(
      [&] {
        char data[6];
        EXPECT_EQ(::recv(pair.near.get(), data, 6, MSG_WAITALL), 2);
      },
      [&] {
        ::send(pair.far.get(), "ab", 2, 0);
        this_fiber::yield();
        pair.far.reset();
      });
}

TEST_F(MonkeyReceive, ReadingNothingDoesNotWait) {
  const Pair pair = sockets();
  auto fiber = spawn([&] {
    char data[1];
    EXPECT_EQ(::read(pair.near.get(), data, 0), 0);
  });
  fiber.result();
}

TEST_F(MonkeyReceive, FilesAreReadAsEver) {
  auto fiber = spawn([] {
    char name[] = "/tmp/simul-monkey.XXXXXX";
    const UniqueFd file(::mkstemp(name));
    ::unlink(name);
    const std::string text(100'000, 'x');
    EXPECT_EQ(::write(file.get(), text.data(), text.size()), 100'000);
    EXPECT_EQ(::lseek(file.get(), 0, SEEK_SET), 0);
    std::string back(200'000, '\0');
    EXPECT_EQ(::read(file.get(), back.data(), back.size()), 100'000);
    EXPECT_EQ(::read(file.get(), back.data(), back.size()), 0);
    pollfd entry{file.get(), POLLIN, 0};
    EXPECT_EQ(::poll(&entry, 1, -1), 1);
  });
  fiber.result();
}

TEST_F(MonkeyReceive, SeveralFibersShareOnePipeWithoutBlocking) {
  const Pair pipe = a_pipe();
  int received = 0;
  std::vector<Fiber<>> fibers;
  for (int i = 0; i < 5; ++i) {
    fibers.push_back(spawn([&] {
      char byte;
      EXPECT_EQ(::read(pipe.near.get(), &byte, 1), 1);
      ++received;
    }));
  }
  fibers.push_back(spawn([&] {
    for (int i = 0; i < 5; ++i) {
      EXPECT_EQ(::write(pipe.far.get(), "x", 1), 1);
      this_fiber::yield();
    }
  }));
  for (auto& fiber : fibers) fiber.result();
  EXPECT_EQ(received, 5);
}

// --- Sending ------------------------------------------------------------------------------------

using Send = std::function<ssize_t(int fd, const std::string& data)>;
struct Sender {
  const char* name;
  Send send;
  bool sockets_only;
};

std::vector<iovec> in_three(const std::string& data) {
  char* const start = const_cast<char*>(data.data());
  const size_t third = data.size() / 3;
  return {{start, third},
          {start, 0},
          {start + third, third},
          {start + 2 * third, data.size() - 2 * third}};
}

const std::vector<Sender>& senders() {
  static const std::vector<Sender> all = {
      {"write", [](int fd, const std::string& d) { return ::write(fd, d.data(), d.size()); },
       false},
      {"writev", [](int fd, const std::string& d) { return ::writev(fd, in_three(d).data(), 4); },
       false},
      {"send", [](int fd, const std::string& d) { return ::send(fd, d.data(), d.size(), 0); },
       true},
      {"sendto",
       [](int fd, const std::string& d) { return ::sendto(fd, d.data(), d.size(), 0, nullptr, 0); },
       true},
      {"sendmsg",
       [](int fd, const std::string& d) {
         std::vector<iovec> pieces = in_three(d);
         msghdr message{};
         message.msg_iov = pieces.data();
         message.msg_iovlen = pieces.size();
         return ::sendmsg(fd, &message, 0);
       },
       true},
  };
  return all;
}

class MonkeySend : public Monkey {
 protected:
  // The sender first: it fills the buffer, and only then does anybody receive.
  static void expect_all_arrives(const Sender& sender, const Pair& pair) {
    SCOPED_TRACE(sender.name);
    std::string text(1'000'000, '\0');
    for (size_t i = 0; i < text.size(); ++i) text[i] = static_cast<char>(i * i % 251);
    std::string arrived;
    together([&] { EXPECT_EQ(sender.send(pair.far.get(), text), 1'000'000); },
             [&] {
               char data[50'000];
               while (arrived.size() < text.size()) {
                 const ssize_t got = ::read(pair.near.get(), data, sizeof data);
                 ASSERT_GT(got, 0);
                 arrived.append(data, static_cast<size_t>(got));
               }
             });
    EXPECT_TRUE(arrived == text);
  }
};

TEST_F(MonkeySend, EveryCallSendsAllOfItHoweverOftenItParks) {
  for (const Sender& sender : senders()) {
    expect_all_arrives(sender, sockets());
    if (!sender.sockets_only) expect_all_arrives(sender, a_pipe());
  }
}

TEST_F(MonkeySend, EveryCallRefusesABadDescriptor) {
  auto fiber = spawn([] {
    for (const Sender& sender : senders()) {
      SCOPED_TRACE(sender.name);
      EXPECT_EQ(sender.send(-1, "x"), -1);
      EXPECT_EQ(errno, EBADF);
    }
  });
  fiber.result();
}

TEST_F(MonkeySend, ABrokenConnectionIsAnErrorOnceWhatWasSentIsToldOf) {
  struct sigaction ignore {};
  struct sigaction before {};
  ignore.sa_handler = SIG_IGN;
  ::sigaction(SIGPIPE, &ignore, &before);
  for (const bool is_pipe : {false, true}) {
    Pair pair = is_pipe ? a_pipe() : sockets();
    together(
        [&] {
          const std::string text(10'000'000, 'x');
          const ssize_t sent = ::write(pair.far.get(), text.data(), text.size());
          EXPECT_GT(sent, 0);
          EXPECT_LT(sent, 10'000'000);
          EXPECT_EQ(::write(pair.far.get(), "x", 1), -1);
          EXPECT_EQ(errno, EPIPE);
        },
        [&] { pair.near.reset(); });
  }
  ::sigaction(SIGPIPE, &before, nullptr);
}

TEST_F(MonkeySend, ADatagramToAFullQueueWaitsForRoom) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  const std::string name = "simul-monkey-" + std::to_string(::getpid());
  name.copy(address.sun_path + 1, name.size());  // an abstract name: no file
  const auto length = static_cast<socklen_t>(sizeof(sa_family_t) + 1 + name.size());
  const UniqueFd receiver(::socket(AF_UNIX, SOCK_DGRAM, 0));
  const UniqueFd sender(::socket(AF_UNIX, SOCK_DGRAM, 0));
  ASSERT_EQ(::bind(receiver.get(), reinterpret_cast<sockaddr*>(&address), length), 0);
  constexpr int kCount = 1000;  // more than any queue holds
  together(
      [&] {
        for (int i = 0; i < kCount; ++i) {
          ASSERT_EQ(
              ::sendto(sender.get(), "x", 1, 0, reinterpret_cast<sockaddr*>(&address), length), 1);
        }
      },
      [&] {
        char data[2];
        for (int i = 0; i < kCount; ++i) ASSERT_EQ(::read(receiver.get(), data, 2), 1);
      });
}

// --- Connecting ---------------------------------------------------------------------------------

struct Listener {
  UniqueFd fd;
  sockaddr_in address{};

  explicit Listener(int backlog = 8) : fd(::socket(AF_INET, SOCK_STREAM, 0)) {
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t length = sizeof address;
    check(::bind(fd.get(), reinterpret_cast<sockaddr*>(&address), length), "bind");
    check(::getsockname(fd.get(), reinterpret_cast<sockaddr*>(&address), &length), "getsockname");
    check(::listen(fd.get(), backlog), "listen");
  }
  int connect(int from) const {
    return ::connect(from, reinterpret_cast<const sockaddr*>(&address), sizeof address);
  }
};

UniqueFd tcp_socket() {
  return UniqueFd(::socket(AF_INET, SOCK_STREAM, 0));
}

TEST_F(Monkey, AcceptParksItsFiberUntilAnotherConnects) {
  const Listener listener;
  for (const bool four : {false, true}) {
    together(
        [&] {
          sockaddr_in peer{};
          socklen_t length = sizeof peer;
          auto* const where = reinterpret_cast<sockaddr*>(&peer);
          const UniqueFd got(four ? ::accept4(listener.fd.get(), where, &length, SOCK_CLOEXEC)
                                  : ::accept(listener.fd.get(), where, &length));
          ASSERT_TRUE(got) << errno;
          EXPECT_EQ(peer.sin_addr.s_addr, htonl(INADDR_LOOPBACK));
          EXPECT_EQ((::fcntl(got.get(), F_GETFD) & FD_CLOEXEC) != 0, four);
        },
        [&] {
          const UniqueFd fd = tcp_socket();
          EXPECT_EQ(listener.connect(fd.get()), 0);
          EXPECT_EQ(::fcntl(fd.get(), F_GETFL) & O_NONBLOCK, 0);
        });
  }
}

TEST_F(Monkey, ARefusedConnectionIsRefused) {
  auto fiber = spawn([] {
    Listener listener;
    listener.fd.reset();
    const UniqueFd fd = tcp_socket();
    EXPECT_EQ(listener.connect(fd.get()), -1);
    EXPECT_EQ(errno, ECONNREFUSED);
    EXPECT_EQ(
        ::connect(-1, reinterpret_cast<sockaddr*>(&listener.address), sizeof listener.address), -1);
    EXPECT_EQ(errno, EBADF);
  });
  fiber.result();
}

TEST_F(Monkey, ANonBlockingConnectIsLeftToTheProgram) {
  const Listener listener;
  auto fiber = spawn([&] {
    const UniqueFd fd(::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0));
    EXPECT_EQ(listener.connect(fd.get()), -1);
    EXPECT_EQ(errno, EINPROGRESS);
    EXPECT_NE(::fcntl(fd.get(), F_GETFL) & O_NONBLOCK, 0);
  });
  fiber.result();
}

TEST_F(Monkey, AConnectToAFullQueueParksItsFiber) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  const std::string name = "simul-monkey-queue-" + std::to_string(::getpid());
  name.copy(address.sun_path + 1, name.size());
  const auto length = static_cast<socklen_t>(sizeof(sa_family_t) + 1 + name.size());
  auto* const to = reinterpret_cast<sockaddr*>(&address);
  const UniqueFd listener(::socket(AF_UNIX, SOCK_STREAM, 0));
  ASSERT_EQ(::bind(listener.get(), to, length), 0);
  ASSERT_EQ(::listen(listener.get(), 0), 0);
  std::vector<UniqueFd> connected;
  together(
      [&] {
        for (int i = 0; i < 4; ++i) {
          connected.emplace_back(::socket(AF_UNIX, SOCK_STREAM, 0));
          ASSERT_EQ(::connect(connected.back().get(), to, length), 0);
        }
      },
      [&] {
        for (int i = 0; i < 4; ++i) {
          ASSERT_TRUE(UniqueFd(::accept(listener.get(), nullptr, nullptr)));
        }
      });
}

// --- Waiting for several ------------------------------------------------------------------------

using Poll = std::function<int(pollfd* fds, nfds_t count, int milliseconds)>;

int poll_by_ppoll(pollfd* fds, nfds_t count, int milliseconds) {
  const timespec limit{milliseconds / 1000, milliseconds % 1000 * 1'000'000L};
  return ::ppoll(fds, count, milliseconds < 0 ? nullptr : &limit, nullptr);
}

const std::vector<std::pair<const char*, Poll>>& pollers() {
  static const std::vector<std::pair<const char*, Poll>> all = {
    {"poll", [](pollfd* fds, nfds_t count, int ms) { return ::poll(fds, count, ms); }},
    {"ppoll", poll_by_ppoll},
    {"ppoll with a mask",
     [](pollfd* fds, nfds_t count, int ms) {
       sigset_t none;
       sigemptyset(&none);
       const timespec limit{ms / 1000, ms % 1000 * 1'000'000L};
       return ::ppoll(fds, count, ms < 0 ? nullptr : &limit, &none);
     }},
#if defined(__GLIBC__)
    {"__poll_chk", [](pollfd* fds, nfds_t count,
                      int ms) { return __poll_chk(fds, count, ms, count * sizeof *fds); }},
    {"__ppoll_chk",
     [](pollfd* fds, nfds_t count, int ms) {
       const timespec limit{ms / 1000, ms % 1000 * 1'000'000L};
       return __ppoll_chk(fds, count, ms < 0 ? nullptr : &limit, nullptr, count * sizeof *fds);
     }},
#endif
  };
  return all;
}

TEST_F(Monkey, PollParksUntilOneOfItsDescriptorsIsReady) {
  for (const auto& [name, poll] : pollers()) {
    SCOPED_TRACE(name);
    const Pair a = sockets();
    const Pair b = a_pipe();
    together(
        [&, &poll = poll] {
          pollfd fds[] = {{a.near.get(), POLLIN, 0}, {-1, POLLIN, 7}, {b.near.get(), POLLIN, 0}};
          EXPECT_EQ(poll(fds, 3, -1), 1);
          EXPECT_EQ(fds[0].revents, 0);
          EXPECT_EQ(fds[1].revents, 0);
          EXPECT_EQ(fds[2].revents, POLLIN);
        },
        [&] { ::write(b.far.get(), "x", 1); });
  }
}

TEST_F(Monkey, PollTimesOut) {
  for (const auto& [name, poll] : pollers()) {
    SCOPED_TRACE(name);
    VirtualTime virtual_time;
    Reactor loop;
    auto fiber = spawn([&poll = poll] {
      const TimePoint start = Clock::now();
      EXPECT_EQ(poll(nullptr, 0, 100'000), 0);
      EXPECT_EQ(Clock::now() - start, 100s);
    });
    fiber.result();
  }
}

TEST_F(Monkey, PollOnQuietDescriptorsTimesOut) {
  const Pair pair = sockets();
  auto fiber = spawn([&] {
    pollfd entry{pair.near.get(), POLLIN, 7};
    EXPECT_EQ(::poll(&entry, 1, 20), 0);
    EXPECT_EQ(entry.revents, 0);
    EXPECT_EQ(::poll(&entry, 1, 0), 0);
  });
  fiber.result();
}

TEST_F(Monkey, PollWaitsForBothDirectionsOfOneDescriptor) {
  const Pair pair = sockets();
  together(
      [&] {
        std::string text(10'000'000, 'x');
        const ssize_t sent = ::send(pair.near.get(), text.data(), text.size(), MSG_DONTWAIT);
        EXPECT_GT(sent, 0);
        pollfd entry{pair.near.get(), POLLIN | POLLOUT, 0};
        EXPECT_EQ(::poll(&entry, 1, -1), 1);
        EXPECT_EQ(entry.revents, POLLIN);
      },
      [&] { ::write(pair.far.get(), "x", 1); });
}

TEST_F(Monkey, PollSeesAHangUpThatNobodyAskedFor) {
  Pair pair = sockets();
  together(
      [&] {
        pollfd entry{pair.near.get(), 0, 0};
        EXPECT_EQ(::poll(&entry, 1, -1), 1);
        EXPECT_EQ(entry.revents, POLLHUP);
      },
      [&] { pair.far.reset(); });
}

TEST_F(Monkey, PollOnManyDescriptors) {
  std::vector<Pair> pairs;
  std::vector<pollfd> fds;
  for (int i = 0; i < 50; ++i) {
    pairs.push_back(sockets());
    fds.push_back({pairs.back().near.get(), POLLIN, 0});
  }
  together([&] { EXPECT_EQ(::poll(fds.data(), fds.size(), -1), 2); },
           [&] {
             ::write(pairs[7].far.get(), "x", 1);
             ::write(pairs[33].far.get(), "x", 1);
           });
  EXPECT_EQ(fds[7].revents, POLLIN);
  EXPECT_EQ(fds[33].revents, POLLIN);
}

TEST_F(Monkey, SelectParksUntilOneOfItsDescriptorsIsReady) {
  for (const bool with_p : {false, true}) {
    const Pair a = sockets();
    const Pair b = sockets();
    together(
        [&] {
          fd_set readable;
          FD_ZERO(&readable);
          FD_SET(a.near.get(), &readable);
          FD_SET(b.near.get(), &readable);
          const int top = std::max(a.near.get(), b.near.get()) + 1;
          timeval limit{1000, 0};
          EXPECT_EQ(with_p ? ::pselect(top, &readable, nullptr, nullptr, nullptr, nullptr)
                           : ::select(top, &readable, nullptr, nullptr, &limit),
                    1);
          EXPECT_FALSE(FD_ISSET(a.near.get(), &readable));
          EXPECT_TRUE(FD_ISSET(b.near.get(), &readable));
          if (!with_p) {
            EXPECT_GT(limit.tv_sec, 900);
            EXPECT_LT(limit.tv_sec, 1000);
          }
        },
        [&] { ::write(b.far.get(), "x", 1); });
  }
}

TEST_F(Monkey, SelectTimesOutWithEmptySets) {
  const Pair pair = sockets();
  auto fiber = spawn([&] {
    fd_set readable;
    FD_ZERO(&readable);
    FD_SET(pair.near.get(), &readable);
    timeval limit{0, 20'000};
    EXPECT_EQ(::select(pair.near.get() + 1, &readable, nullptr, nullptr, &limit), 0);
    EXPECT_FALSE(FD_ISSET(pair.near.get(), &readable));
    EXPECT_EQ(limit.tv_sec + limit.tv_usec, 0);
    timeval backwards{-1, 0};
    EXPECT_EQ(::select(0, nullptr, nullptr, nullptr, &backwards), -1);
    EXPECT_EQ(errno, EINVAL);
  });
  fiber.result();
}

TEST_F(Monkey, SelectAsAClockParksTheFiber) {
  VirtualTime virtual_time;
  Reactor loop;
  const TimePoint start = Clock::now();
  const auto wait = [] {
    timeval limit{1000, 0};
    EXPECT_EQ(::select(0, nullptr, nullptr, nullptr, &limit), 0);
  };
  join_all<void>({spawn(wait), spawn(wait)});
  EXPECT_EQ(Clock::now() - start, 1000s);
}

// --- What the program believes ------------------------------------------------------------------

TEST_F(Monkey, WhileAFiberIsParkedItsDescriptorKeepsItsFlags) {
  const Pair pair = sockets();
  together(
      [&] {
        char byte;
        EXPECT_EQ(::read(pair.near.get(), &byte, 1), 1);
      },
      [&] {
        EXPECT_EQ(::fcntl(pair.near.get(), F_GETFL) & O_NONBLOCK, 0);
        ::write(pair.far.get(), "x", 1);
      });
}

TEST_F(Monkey, WhatTheProgramMadeNonBlockingDoesNotWait) {
  auto fiber = spawn([] {
    for (const bool is_pipe : {false, true}) {
      const Pair pair = is_pipe ? a_pipe() : sockets();
      const UniqueFd twin(::dup(pair.near.get()));  // shares the flag
      char byte;
      ::fcntl(pair.near.get(), F_SETFL, O_NONBLOCK);
      EXPECT_EQ(::read(pair.near.get(), &byte, 1), -1);
      EXPECT_EQ(errno, EAGAIN);
      EXPECT_EQ(::read(twin.get(), &byte, 1), -1);
      EXPECT_EQ(errno, EAGAIN);
      int on = 0;
      ::ioctl(twin.get(), FIONBIO, &on);
      EXPECT_EQ(::fcntl(pair.near.get(), F_GETFL) & O_NONBLOCK, 0);
      on = 1;
      ::ioctl(pair.far.get(), FIONBIO, &on);
      const std::string text(10'000'000, 'x');
      EXPECT_LT(::write(pair.far.get(), text.data(), text.size()), 10'000'000);
      EXPECT_EQ(::write(pair.far.get(), text.data(), text.size()), -1);
      EXPECT_EQ(errno, EAGAIN);
    }
    const Pair pair = sockets();
    char byte;
    EXPECT_EQ(::recv(pair.near.get(), &byte, 1, MSG_DONTWAIT), -1);
    EXPECT_EQ(errno, EAGAIN);
  });
  fiber.result();
}

TEST_F(Monkey, ReceiveAndSendTimeoutsAreKept) {
  const Pair pair = sockets();
  const timeval limit{0, 20'000};
  ::setsockopt(pair.near.get(), SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
  ::setsockopt(pair.near.get(), SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
  bool other_ran = false;
  together(
      [&] {
        char byte;
        const auto start = std::chrono::steady_clock::now();
        EXPECT_EQ(::read(pair.near.get(), &byte, 1), -1);
        EXPECT_EQ(errno, EAGAIN);
        EXPECT_GE(std::chrono::steady_clock::now() - start, 20ms);
        EXPECT_TRUE(other_ran);
        const std::string text(10'000'000, 'x');
        EXPECT_LT(::write(pair.near.get(), text.data(), text.size()), 10'000'000);
        EXPECT_EQ(::write(pair.near.get(), "x", 1), -1);
        EXPECT_EQ(errno, EAGAIN);
      },
      [&] { other_ran = true; });
}

TEST_F(Monkey, AnAcceptTimesOutToo) {
  const Listener listener;
  const timeval limit{0, 10'000};
  ::setsockopt(listener.fd.get(), SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
  auto fiber = spawn([&] {
    EXPECT_EQ(::accept(listener.fd.get(), nullptr, nullptr), -1);
    EXPECT_EQ(errno, EAGAIN);
  });
  fiber.result();
}

// --- Closing ------------------------------------------------------------------------------------

TEST_F(Monkey, ClosingADescriptorWakesTheFiberThatWaitsForIt) {
  for (const int how : {0, 1, 2}) {
    Pair pair = sockets();
    const UniqueFd other(::dup(2));
    together(
        [&] {
          char byte;
          EXPECT_EQ(::read(pair.near.get(), &byte, 1), -1);
          EXPECT_EQ(errno, EBADF);
        },
        [&] {
          if (how == 0)
            EXPECT_EQ(::close(pair.near.release()), 0);
          else if (how == 1)
            EXPECT_EQ(::dup2(other.get(), pair.near.get()), pair.near.get());
          else
            EXPECT_EQ(::dup3(other.get(), pair.near.get(), O_CLOEXEC), pair.near.get());
        });
  }
}

TEST_F(Monkey, ClosingADescriptorEndsThePollThatWaitsForIt) {
  Pair pair = sockets();
  const Pair quiet = sockets();
  together(
      [&] {
        pollfd fds[] = {{quiet.near.get(), POLLIN, 7}, {pair.near.get(), POLLIN, 0}};
        EXPECT_EQ(::poll(fds, 2, -1), 1);
        EXPECT_EQ(fds[0].revents, 0);
        EXPECT_EQ(fds[1].revents, POLLNVAL);
      },
      [&] { pair.near.reset(); });
}

TEST_F(Monkey, AFailedDup2ClosesNothing) {
  const Pair pair = sockets();
  together(
      [&] {
        char byte;
        EXPECT_EQ(::read(pair.near.get(), &byte, 1), 1);
      },
      [&] {
        EXPECT_EQ(::dup2(-1, pair.near.get()), -1);
        EXPECT_EQ(errno, EBADF);
        ::write(pair.far.get(), "x", 1);
      });
}

TEST_F(Monkey, ADescriptorThatTheLoopWatchesAlreadyIsWaitedForAllTheSame) {
  Pair pair = sockets();
  ::fcntl(pair.near.get(), F_SETFL, O_NONBLOCK);
  const int number = pair.near.get();
  Descriptor owned(std::move(pair.near), Peer::outside);
  together(
      [&] {
        EXPECT_TRUE(await(owned.readable(Clock::now() + 30s)));
        char byte;
        EXPECT_EQ(::read(number, &byte, 1), 1);
        ::fcntl(number, F_SETFL, 0);
        EXPECT_EQ(::read(number, &byte, 1), 1);
      },
      [&] {
        ::write(pair.far.get(), "x", 1);
        this_fiber::sleep_for(5ms);
        ::write(pair.far.get(), "x", 1);
      });
}

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
  const Listener listener;
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
      {"accept", [&] { EXPECT_EQ(::accept(listener.fd.get(), nullptr, nullptr), -1); }},
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
    const UniqueFd fd = tcp_socket();
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

// --- Looking up names ---------------------------------------------------------------------------

TEST_F(Monkey, AnAddressInDigitsNeedsNoLookUp) {
  auto fiber = spawn([] {
    addrinfo hints{};
    hints.ai_socktype = SOCK_STREAM;
    addrinfo* list = nullptr;
    ASSERT_EQ(::getaddrinfo("127.0.0.1", "80", &hints, &list), 0);
    EXPECT_EQ(list->ai_family, AF_INET);
    ::freeaddrinfo(list);
    ASSERT_EQ(::getaddrinfo(nullptr, "80", &hints, &list), 0);
    ::freeaddrinfo(list);
  });
  fiber.result();
}

TEST_F(Monkey, ANameIsLookedUpWhileTheOthersRun) {
  addrinfo* list = nullptr;
  const int expected = ::getaddrinfo("no-such-host.invalid", "80", nullptr, &list);
  ASSERT_NE(expected, 0);
  bool other_ran = false;
  together(
      [&] {
        addrinfo* found = nullptr;
        EXPECT_EQ(::getaddrinfo("no-such-host.invalid", "80", nullptr, &found), expected);
        EXPECT_TRUE(other_ran);
      },
      [&] { other_ran = true; });
}

TEST_F(Monkey, ALookUpFindsWhatLibcFinds) {
  addrinfo* outside = nullptr;
  if (::getaddrinfo("localhost", "80", nullptr, &outside) != 0) {
    GTEST_SKIP() << "this machine has no localhost";
  }
  auto fiber = spawn([&] {
    addrinfo* inside = nullptr;
    ASSERT_EQ(::getaddrinfo("localhost", "80", nullptr, &inside), 0);
    const addrinfo* a = outside;
    const addrinfo* b = inside;
    for (; a != nullptr && b != nullptr; a = a->ai_next, b = b->ai_next) {
      EXPECT_EQ(a->ai_socktype, b->ai_socktype);
      ASSERT_EQ(a->ai_addrlen, b->ai_addrlen);
      EXPECT_EQ(std::memcmp(a->ai_addr, b->ai_addr, a->ai_addrlen), 0);
    }
    EXPECT_EQ(a, b);  // both at the end
    ::freeaddrinfo(inside);
  });
  fiber.result();
  ::freeaddrinfo(outside);
}

TEST_F(Monkey, AKilledFiberLeavesItsLookUpBehind) {
  auto fiber = spawn([] {
    addrinfo* list = nullptr;
    EXPECT_EQ(::getaddrinfo("no-such-host.invalid", nullptr, nullptr, &list), EAI_SYSTEM);
    EXPECT_EQ(errno, ECANCELED);
  });
  auto killer = spawn([&] { fiber.kill(); });
  killer.result();
  fiber.join();
}

// --- Elsewhere ----------------------------------------------------------------------------------

TEST_F(Monkey, OutsideFibersTheCallsAreLibcs) {
  const Pair pair = sockets();
  std::thread other([&] {
    ::usleep(1000);
    ::write(pair.far.get(), "x", 1);
  });
  char byte;
  EXPECT_EQ(::read(pair.near.get(), &byte, 1), 1);  // blocks this thread
  other.join();

  // In a callback too: it has no fiber to park.
  const timeval limit{0, 1000};
  ::setsockopt(pair.near.get(), SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
  int error = 0;
  auto fiber = spawn([] { this_fiber::sleep_for(1ms); });
  loop_.call_soon([&] {
    EXPECT_EQ(::read(pair.near.get(), &byte, 1), -1);
    error = errno;
  });
  fiber.join();
  EXPECT_EQ(error, EAGAIN);
}

TEST_F(Monkey, AForkedChildHasLibcsCalls) {
  const Pair pair = sockets();
  auto fiber = spawn([&] {
    const pid_t child = ::fork();
    if (child == 0) {
      char byte;
      const bool fine = FiberCore::current() == nullptr && ::usleep(1000) == 0 &&
                        ::read(pair.near.get(), &byte, 1) == 1 &&
                        ::write(pair.near.get(), "y", 1) == 1;
      ::_exit(fine ? 0 : 1);
    }
    ASSERT_GT(child, 0);
    EXPECT_EQ(::write(pair.far.get(), "x", 1), 1);
    char byte = 0;
    EXPECT_EQ(::read(pair.far.get(), &byte, 1), 1);
    EXPECT_EQ(byte, 'y');
    int status = -1;
    EXPECT_EQ(::waitpid(child, &status, 0), child);
    EXPECT_EQ(status, 0);
  });
  fiber.result();
}

TEST_F(Monkey, WhatIsParkedSaysWhatItWaitsFor) {
  const Pair pair = sockets();
  auto fiber = spawn([&] {
    char byte;
    ::read(pair.near.get(), &byte, 1);
  });
  fiber.named("reader");
  this_fiber::yield();
  this_fiber::yield();
  EXPECT_NE(loop_.waiting_report().find("fiber 'reader' waits for a patched call"),
            std::string::npos)
      << loop_.waiting_report();
  fiber.kill();
  fiber.join();
}

#if defined(__GLIBC__)
TEST(MonkeyDeathTest, AFortifiedCallThatWouldOverflowItsBufferEndsTheProgram) {
  char data[4];
  EXPECT_DEATH(__read_chk(0, data, 5, 4), "buffer overflow detected");
  EXPECT_DEATH(__poll_chk(nullptr, 2, 0, sizeof(pollfd)), "buffer overflow detected");
}
#endif

}  // namespace
}  // namespace simul
