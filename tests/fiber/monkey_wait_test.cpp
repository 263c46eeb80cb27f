// The promises of the monkey patch: connecting and accepting, waiting for several
// (patched_connect.cpp, patched_poll.cpp), and what happens to those who wait when a descriptor is
// closed.
#include "runtime/fiber/monkey.hpp"

#include <arpa/inet.h>
#include <fcntl.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/select.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <string>
#include <utility>
#include <vector>

#include "runtime/base/unique_fd.hpp"
#include "runtime/fiber/fiber.hpp"
#include "runtime/reactor/descriptor.hpp"
#include "runtime/reactor/poller.hpp"
#include "tests/support/monkey.hpp"

namespace simul {
namespace {

using namespace std::chrono_literals;
using testing::a_pipe;
using testing::Monkey;
using testing::Pair;
using testing::pollers;
using testing::sockets;

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

// --- Waiting for several ------------------------------------------------------------------------

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

// Outside fibers close is libc's and tells nobody. The number may come back as another descriptor.
TEST_F(Monkey, ADescriptorClosedBehindOurBackDoesNotSpoilItsNumber) {
  if (!Poller::kEdgeTriggered) GTEST_SKIP() << "poll(2) knows descriptors by their numbers only";
  Pair old = sockets();
  const int number = old.near.get();
  auto forgotten = spawn([&] {
    char byte;
    EXPECT_EQ(::read(number, &byte, 1), -1);
    EXPECT_EQ(errno, EBADF);
  });
  this_fiber::sleep_for(1ms);
  ::close(old.near.release());
  const Pair fresh = sockets();
  ASSERT_EQ(fresh.near.get(), number);
  together(
      [&] {
        char byte;
        EXPECT_EQ(::read(number, &byte, 1), 1);
      },
      [&] { ::write(fresh.far.get(), "x", 1); });
  forgotten.result();
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

}  // namespace
}  // namespace simul
