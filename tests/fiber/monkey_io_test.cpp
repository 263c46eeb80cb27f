// The promises of the monkey patch: receiving and sending (patched_receive.cpp, patched_send.cpp),
// and what the program believes of its descriptors meanwhile.
#include "runtime/fiber/monkey.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstdlib>
#include <string>
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
using testing::Receiver;
using testing::receivers;
using testing::Sender;
using testing::senders;
using testing::sockets;

// --- Receiving ----------------------------------------------------------------------------------

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

}  // namespace
}  // namespace simul
