// Streams: what is read and written, whatever the peer does. The peer is a bare socket in the hands
// of the test as a rule, so that it can send one byte at a time, stop reading, close half or reset.
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "runtime/base/clock.hpp"
#include "runtime/fiber/fiber.hpp"
#include "runtime/net/address.hpp"
#include "runtime/net/socket.hpp"
#include "runtime/reactor/sleep.hpp"
#include "runtime/task/bridges.hpp"
#include "runtime/task/open_connection.hpp"
#include "runtime/task/run.hpp"
#include "runtime/task/server.hpp"
#include "runtime/task/stream.hpp"
#include "runtime/task/timeout.hpp"
#include "tests/support/full_listener.hpp"
#include "tests/support/temp_dir.hpp"
#include "tests/task/task_fixture.hpp"

namespace simul {
namespace {

using namespace std::chrono_literals;
using net::Address;

/// A socket that waits for nobody.
class RawSocket {
 public:
  explicit RawSocket(UniqueFd fd) : fd_(std::move(fd)) {}
  static RawSocket to(const Address& address) {
    return RawSocket(std::move(net::start_connect(address).socket));
  }

  /// How many bytes the kernel took.
  std::size_t send(std::string_view bytes) { return net::try_send(fd_.get(), bytes).bytes; }
  /// What has come, up to `max` bytes; "(end)" follows if that has come, too.
  std::string receive(std::size_t max = 1 << 30) {
    std::string all;
    while (all.size() < max) {
      char buffer[4096];
      const net::Transfer got =
          net::try_receive(fd_.get(), std::span(buffer, std::min(max - all.size(), sizeof buffer)));
      if (got.outcome == net::Outcome::end) return all + "(end)";
      if (got.outcome == net::Outcome::failed) return all + "(" + std::strerror(got.error) + ")";
      if (got.outcome == net::Outcome::would_block) break;
      all.append(buffer, got.bytes);
    }
    return all;
  }
  /// All that comes until the end, or an error, for which it stops the thread.
  std::string receive_to_end() {
    std::string all;
    for (; !all.ends_with(")"); all += receive()) {
      pollfd question = {fd_.get(), POLLIN, 0};
      ::poll(&question, 1, -1);
    }
    return all;
  }
  bool was_reset() {
    int error = 0;
    socklen_t size = sizeof error;
    ::getsockopt(fd_.get(), SOL_SOCKET, SO_ERROR, &error, &size);
    return error != 0;
  }
  void send_end() { ::shutdown(fd_.get(), SHUT_WR); }
  void reset() {
    const linger now{1, 0};
    ::setsockopt(fd_.get(), SOL_SOCKET, SO_LINGER, &now, sizeof now);
    fd_.reset();
  }
  void close() { fd_.reset(); }
  int fd() const { return fd_.get(); }

 private:
  UniqueFd fd_;
};

/// Bytes of which no two stretches are alike.
std::string noise(std::size_t count) {
  std::string bytes(count, '\0');
  std::uint32_t x = 1;
  for (char& each : bytes) each = static_cast<char>((x = x * 1664525 + 1013904223) >> 24);
  return bytes;
}

class Streams : public TaskFixture {
 protected:
  static constexpr StreamOptions kHere = {.peer = Peer::here};

  struct Pair {
    Stream stream;
    RawSocket raw;
  };
  /// Virtual time does not stand still while one waits for such a stream.
  static Pair pair(StreamOptions options = kHere) {
    net::SocketPair ends = net::connected_pair();
    return {Stream(Descriptor(std::move(ends.first), Peer::here), Address::unix_abstract("peer"),
                   options),
            RawSocket(std::move(ends.second))};
  }

  /// Lets everybody who can go on do so.
  static Task<> settle() {
    for (int i = 0; i < 10; ++i) co_await Yield();
  }

  /// A stream, and a client connected to it by TCP.
  struct Accepted {
    Stream stream;
    RawSocket client;
  };
  static Accepted tcp_pair() {
    const UniqueFd listener = net::listen_on(Address::loopback(0));
    RawSocket client = RawSocket::to(net::local_address(listener.get()));
    net::Accepted accepted;
    do accepted = net::accept_from(listener.get());
    while (accepted.outcome == net::Outcome::would_block);
    return {Stream(Descriptor(std::move(accepted.socket)), accepted.peer), std::move(client)};
  }

  /// What `task` throws, or what it gives.
  static Task<std::string> outcome(Task<std::string> task) {
    try {
      co_return co_await std::move(task);
    } catch (const Cancelled&) {
      co_return "cancelled";
    } catch (const std::exception& error) {
      co_return error.what();
    }
  }
  static Task<std::string> outcome(Task<> task) {
    try {
      co_await std::move(task);
    } catch (const std::exception& error) {
      co_return error.what();
    }
    co_return "done";
  }
  static Task<> drain(Stream& stream) { co_await stream.drain(); }
};

// --- Reading -------------------------------------------------------------------------------------

TEST_F(Streams, ReadWaitsForSomethingAndGivesNoMoreThanAsked) {
  auto test = [&]() -> Task<> {
    auto [stream, raw] = pair();
    const auto reading = create_task(stream.read(3));
    co_await settle();
    EXPECT_FALSE(reading.done());
    raw.send("hello");
    EXPECT_EQ(co_await reading, "hel");
    EXPECT_EQ(co_await stream.read(0), "");
    EXPECT_EQ(co_await stream.read(100), "lo");
    EXPECT_FALSE(stream.at_end());
    raw.send_end();
    EXPECT_EQ(co_await stream.read(100), "");
    EXPECT_TRUE(stream.at_end());
    EXPECT_EQ(co_await stream.read(100), "");
  };
  run(test());
}

TEST_F(Streams, ReadExactlyCollectsPiecesOfOneByte) {
  auto test = [&]() -> Task<> {
    auto [stream, raw] = pair();
    const auto reading = create_task(stream.read_exactly(5));
    for (const char each : std::string("hello!")) {
      EXPECT_EQ(reading.done(), each == '!') << each;
      raw.send({&each, 1});
      co_await settle();
    }
    EXPECT_EQ(co_await reading, "hello");
    EXPECT_EQ(co_await stream.read(10), "!");
  };
  run(test());
}

TEST_F(Streams, ReadExactlySaysWhatWasThereWhenTheStreamEnds) {
  auto test = [&]() -> Task<> {
    auto [stream, raw] = pair();
    raw.send("hello");
    raw.send_end();
    try {
      (void)co_await stream.read_exactly(10);
      ADD_FAILURE() << "it gave something";
    } catch (const IncompleteRead& error) {
      EXPECT_STREQ(error.what(), "read unix:@peer: the stream ended after 5 bytes, not 10");
      EXPECT_EQ(error.partial(), "hello");
    }
    EXPECT_TRUE(stream.at_end());
    EXPECT_EQ(co_await stream.read_exactly(0), "");
  };
  run(test());
}

TEST_F(Streams, ReadUntilFindsADelimiterWhereverThePiecesAreCut) {
  const std::string text = "a\r\r\n\nb\r\n\r\n";  // begins of the delimiter that are none
  auto test = [&]() -> Task<> {
    for (std::size_t cut = 0; cut <= text.size(); ++cut) {
      auto [stream, raw] = pair();
      raw.send(text.substr(0, cut));
      const auto reading = create_task(stream.read_until("\r\n"));
      co_await settle();
      raw.send(text.substr(cut));
      EXPECT_EQ(co_await reading, "a\r\r\n") << cut;
      EXPECT_EQ(co_await stream.read_until("\r\n"), "\nb\r\n") << cut;
      EXPECT_EQ(co_await stream.read_until("\r\n"), "\r\n") << cut;
      raw.send("rest");
      raw.send_end();
      EXPECT_EQ(co_await outcome(stream.read_until("\r\n")),
                "read unix:@peer: the stream ended after 4 bytes, not up to the delimiter");
      EXPECT_TRUE(stream.at_end());
    }
  };
  run(test());
  EXPECT_THROW((void)pair().stream.read_until(""), std::invalid_argument);
}

TEST_F(Streams, ALineOverTheLimitIsAnErrorAndStaysUnread) {
  auto test = [&]() -> Task<> {
    auto [stream, raw] = pair();
    raw.send("12345\r\n");
    EXPECT_EQ(co_await stream.read_until("\r\n", 5), "12345\r\n");
    raw.send("12345\r");  // the last byte may belong to the delimiter
    const auto reading = create_task(stream.read_until("\r\n", 5));
    co_await settle();
    EXPECT_FALSE(reading.done());
    raw.send("\n");
    EXPECT_EQ(co_await reading, "12345\r\n");
    const std::string error = "read unix:@peer: no delimiter within the limit of 5 bytes";
    raw.send("123456\r\n");  // the delimiter is there, but too late
    EXPECT_EQ(co_await outcome(stream.read_until("\r\n", 5)), error);
    EXPECT_EQ(co_await outcome(stream.read_until("\r\n", 5)), error);
    EXPECT_EQ(co_await stream.read_until("\r\n", 6), "123456\r\n");
    raw.send("123456");
    EXPECT_EQ(co_await outcome(stream.read_until("\n", 5)), error);
    EXPECT_EQ(co_await stream.read(3), "123");
  };
  run(test());
}

TEST_F(Streams, AnEndlessLineIsRefusedSoonAfterItsLimit) {
  auto test = [&]() -> Task<> {
    auto [stream, raw] = pair();
    std::size_t sent = 0;
    const auto reading = create_task(stream.read_line());
    while (!reading.done()) {
      sent += raw.send(std::string(10'000, 'x'));
      co_await Yield();
    }
    EXPECT_EQ(message_of(reading.error()),
              "read unix:@peer: no end of a line within the limit of 65536 bytes");
    EXPECT_GT(sent, 65'536U);
    EXPECT_LT(sent, 1'000'000U);
  };
  run(test());
}

TEST_F(Streams, TheLastLineNeedNotEnd) {
  auto test = [&]() -> Task<> {
    auto [stream, raw] = pair();
    raw.send("one\n\ntwo");
    raw.send_end();
    EXPECT_EQ(co_await stream.read_line(), "one\n");
    EXPECT_EQ(co_await stream.read_line(), "\n");
    EXPECT_EQ(co_await stream.read_line(), "two");
    EXPECT_EQ(co_await stream.read_line(), "");
  };
  run(test());
}

TEST_F(Streams, ReadToEndGivesEverythingUpToItsLimit) {
  auto test = [&]() -> Task<> {
    auto [stream, raw] = pair();
    const auto reading = create_task(stream.read_to_end());
    const std::string all = noise(300'000);
    for (std::size_t sent = 0; sent < all.size(); co_await Yield()) {
      sent += raw.send(all.substr(sent, 7'777));
    }
    co_await settle();
    EXPECT_FALSE(reading.done());
    raw.send_end();
    EXPECT_TRUE(co_await reading == all);
    EXPECT_EQ(co_await stream.read_to_end(), "");

    auto [limited, peer] = pair();
    peer.send("123456");
    EXPECT_EQ(co_await outcome(limited.read_to_end(5)),
              "read unix:@peer: no end of the stream within the limit of 5 bytes");
    peer.send_end();
    EXPECT_EQ(co_await limited.read_to_end(6), "123456");
  };
  run(test());
}

TEST_F(Streams, ACancelledReadLosesNoByte) {
  const std::string text = "0123456789\n";
  auto test = [&]() -> Task<> {
    for (int kind = 0; kind < 4; ++kind) {
      for (std::size_t cut = 0; cut < text.size(); ++cut) {
        auto [stream, raw] = pair();
        auto read = [&stream = stream, kind] {
          if (kind == 0) return stream.read_exactly(11);
          if (kind == 1) return stream.read_until("\n");
          if (kind == 2) return stream.read_line();
          return stream.read_to_end();
        };
        const auto first = create_task(read());
        co_await settle();
        raw.send(text.substr(0, cut));
        if (cut % 2 == 0) co_await settle();  // else the cancel meets the bytes on their way
        first.cancel();
        co_await settle();
        EXPECT_TRUE(first.cancelled());
        raw.send(text.substr(cut));
        if (kind == 3) raw.send_end();
        EXPECT_EQ(co_await read(), text) << kind << ' ' << cut;
      }
    }
  };
  run(test());
}

TEST_F(Streams, ATimeoutEndsAReadAndLeavesWhatHasCome) {
  auto test = [&]() -> Task<> {
    auto [stream, raw] = pair();
    raw.send("half a li");
    auto line = [&stream = stream] { return stream.read_line(); };
    auto limited = [&]() -> Task<std::string> { co_return co_await timeout(2s, line); };
    EXPECT_EQ(without_numbers(co_await outcome(limited())), "task 'main': timed out after 2 s");
    raw.send("ne\n");
    EXPECT_EQ(co_await stream.read_line(), "half a line\n");
    note("end");
  };
  run(test());
  EXPECT_EQ(log, Log{"2s end"});
}

TEST_F(Streams, OnlyOneMayReadAtATime) {
  auto test = [&]() -> Task<> {
    auto [stream, raw] = pair();
    const auto reading = create_task(stream.read(10));
    co_await settle();
    EXPECT_EQ(co_await outcome(stream.read(10)),
              "read unix:@peer: another task reads from this stream already");
    raw.send("for the first");
    EXPECT_EQ(co_await reading, "for the fi");
    EXPECT_EQ(co_await stream.read(10), "rst");
  };
  run(test());
}

TEST_F(Streams, AResetIsAnErrorAfterWhatCameBeforeIt) {
  auto test = [&]() -> Task<> {
    auto [stream, client] = tcp_pair();
    const std::string error = "read " + stream.peer().to_string() + ": Connection reset by peer";
    const auto reading = create_task(stream.read_exactly(3));
    client.send("abc");
    EXPECT_EQ(co_await reading, "abc");
    client.send("de");
    client.reset();
    EXPECT_EQ(co_await outcome(stream.read_exactly(3)), error);
    EXPECT_EQ(co_await outcome(stream.read_line()), error);
    EXPECT_EQ(co_await outcome(stream.read(1)), "d");
    EXPECT_EQ(co_await outcome(stream.read(2)), "e");
    EXPECT_EQ(co_await outcome(stream.read(2)), error);
    EXPECT_FALSE(stream.at_end());
  };
  run(test());
}

// The kernel tells one of the two directions, once; the other one sees what looks like an end.
TEST_F(Streams, AResetThatTheWriterMetIsNoEndForTheReader) {
  auto test = [&]() -> Task<> {
    auto [stream, client] = tcp_pair();
    client.reset();
    std::string error;
    while (error.empty() || error == "done") {
      stream.write("x");
      error = co_await outcome(drain(stream));
    }
    EXPECT_EQ(error, "write " + stream.peer().to_string() + ": Connection reset by peer");
    EXPECT_EQ(co_await outcome(stream.read(10)),
              "read " + stream.peer().to_string() + ": Connection reset by peer");
  };
  run(test());
}

TEST_F(Streams, APeerThatNeverStopsSendingLetsTheOthersHaveTheirTurn) {
  auto test = [&]() -> Task<> {
    auto [stream, raw] = pair();
    // Whenever the stream reads, there are 64 KiB more: it never has to wait.
    const int big = 1 << 20;
    ::setsockopt(raw.fd(), SOL_SOCKET, SO_SNDBUF, &big, sizeof big);
    bool over = false;
    std::size_t total = 0;
    auto greedy = [&, &s = stream, &r = raw]() -> Task<> {
      while (!over && total < 100'000'000) {
        r.send(std::string(128 * 1024, 'x'));
        total += (co_await s.read(64 * 1024)).size();
      }
    };
    const auto reading = create_task(greedy());
    for (int i = 0; i < 3; ++i) co_await Yield();
    over = true;
    co_await reading;
    EXPECT_LT(total, 10'000'000U);
  };
  run(test());
}

// --- Writing -------------------------------------------------------------------------------------

TEST_F(Streams, WhatOneStepWritesLeavesInOneCallAlsoWithoutADrain) {
  int fds[2];  // of a kind that keeps the borders between the calls
  ASSERT_EQ(::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fds), 0);
  RawSocket raw{UniqueFd(fds[1])};
  const std::string large = noise(6'000);
  auto test = [&]() -> Task<> {
    Stream stream(Descriptor(UniqueFd(fds[0])), Address::unix_abstract("peer"));
    const auto packet = [&] {
      std::string bytes(100'000, '\0');
      bytes.resize(net::try_receive(raw.fd(), bytes).bytes);
      return bytes;
    };
    stream.write("one ");
    stream.write("two ");
    stream.write(std::string(large));
    stream.write(" three ");
    stream.write(std::string_view());
    stream.write(large);
    stream.write(std::string(" four"));
    EXPECT_EQ(stream.queued(), 12'020U);
    EXPECT_EQ(packet(), "");
    co_await Yield();
    EXPECT_EQ(packet(), "one two " + large + " three " + large + " four");
    EXPECT_EQ(stream.queued(), 0U);

    stream.write("a");
    stream.write("b");
    co_await stream.drain();  // at once
    EXPECT_EQ(packet(), "ab");
  };
  run(test());
}

TEST_F(Streams, DrainWaitsAboveTheHighMarkAndGoesOnAtTheLowOne) {
  const std::string all = noise(2'000'000);
  auto test = [&]() -> Task<> {
    auto [stream, raw] = pair({.high_water = 100'000, .low_water = 50'000, .peer = Peer::here});
    const int little = 8'000;  // so that the queue gets shorter in small steps
    ::setsockopt(stream.fd(), SOL_SOCKET, SO_SNDBUF, &little, sizeof little);
    std::size_t written = 0;
    while (stream.queued() <= 100'000) {
      stream.write(std::string_view(all).substr(written, 9'999));
      written += 9'999;
      if (stream.queued() <= 100'000) co_await stream.drain();  // does not wait
    }
    const auto draining = create_task(drain(stream));
    std::string received;
    while (received.size() < written) {
      co_await settle();
      EXPECT_EQ(draining.done(), stream.queued() <= 50'000) << stream.queued();
      received += raw.receive(3'000);
    }
    EXPECT_TRUE(received == all.substr(0, written));
    EXPECT_TRUE(draining.done());
    EXPECT_EQ(stream.queued(), 0U);
  };
  run(test());
}

TEST_F(Streams, ASlowReaderIsWaitedForAndMemoryStaysBounded) {
  const std::string piece = noise(50'000);
  constexpr int kPieces = 200;
  auto test = [&]() -> Task<> {
    auto [stream, raw] = pair();
    std::size_t most = 0;
    auto writer = [&, &s = stream]() -> Task<> {
      for (int i = 0; i < kPieces; ++i) {
        s.write(piece);
        most = std::max(most, s.queued());
        co_await s.drain();
      }
      co_await s.close();
    };
    const auto writing = create_task(writer());
    std::string received;
    while (!received.ends_with("(end)")) {
      received += raw.receive(40'000);
      co_await Yield();
    }
    co_await writing;
    EXPECT_LE(most, 64 * 1024 + piece.size());
    EXPECT_GT(most, piece.size());
    received.resize(received.size() - 5);
    std::string expected;
    for (int i = 0; i < kPieces; ++i) expected += piece;
    EXPECT_TRUE(received == expected);
  };
  run(test());
}

TEST_F(Streams, ACancelledDrainLeavesTheQueueAsItIs) {
  const std::string all = noise(1'000'000);
  auto test = [&]() -> Task<> {
    auto [stream, raw] = pair();
    stream.write(all);
    const auto draining = create_task(drain(stream));
    co_await settle();
    EXPECT_FALSE(draining.done());
    draining.cancel();
    co_await settle();
    EXPECT_TRUE(draining.cancelled());
    std::string received;
    while (received.size() < all.size()) {
      received += raw.receive();
      co_await Yield();
    }
    EXPECT_TRUE(received == all);
  };
  run(test());
}

TEST_F(Streams, OneReadsWhileAnotherWrites) {
  const std::string all = noise(3'000'000);
  auto test = [&]() -> Task<> {
    auto [stream, raw] = pair();
    auto writer = [&, &s = stream]() -> Task<> {
      for (std::size_t i = 0; i < all.size(); i += 10'000) {
        s.write(std::string_view(all).substr(i, 10'000));
        co_await s.drain();
      }
      s.write_eof();
    };
    // An echo that stops reading while it cannot send.
    auto echo = [&r = raw]() -> Task<> {
      std::string kept;
      for (bool open = true; open || !kept.empty(); co_await Yield()) {
        if (kept.empty()) kept = r.receive(65'536);
        if (open && kept.ends_with("(end)")) {
          kept.resize(kept.size() - 5);
          open = false;
        }
        kept.erase(0, r.send(kept));
      }
      r.send_end();
    };
    const auto writing = create_task(writer());
    const auto echoing = create_task(echo());
    EXPECT_TRUE(co_await stream.read_to_end() == all);
    co_await writing;
    co_await echoing;
  };
  run(test());
}

TEST_F(Streams, HalfClosedItStillReads) {
  auto test = [&]() -> Task<> {
    auto [stream, raw] = pair();
    stream.write("question");
    stream.write_eof();
    stream.write_eof();
    EXPECT_THROW(stream.write("more"), std::logic_error);
    co_await settle();
    EXPECT_EQ(raw.receive(), "question(end)");
    raw.send("answer");
    raw.send_end();
    EXPECT_EQ(co_await stream.read_to_end(), "answer");
  };
  run(test());
}

TEST_F(Streams, TheEndFollowsWhatIsStillQueued) {
  const std::string all = noise(1'000'000);
  auto test = [&]() -> Task<> {
    auto [stream, raw] = pair();
    stream.write(all);
    stream.write_eof();
    std::string received;
    while (!received.ends_with("(end)")) {
      received += raw.receive();
      co_await Yield();
    }
    EXPECT_TRUE(received == all + "(end)");
  };
  run(test());
}

TEST_F(Streams, APeerThatIsGoneIsAnErrorForDrainAndClose) {
  auto test = [&]() -> Task<> {
    auto [stream, raw] = pair();
    raw.close();
    stream.write("x");
    EXPECT_EQ(co_await outcome(drain(stream)), "write unix:@peer: Broken pipe");
    stream.write("y");  // nobody will get it
    EXPECT_EQ(stream.queued(), 0U);
    EXPECT_EQ(co_await outcome(drain(stream)), "write unix:@peer: Broken pipe");
    EXPECT_EQ(co_await outcome(stream.close()), "write unix:@peer: Broken pipe");
    EXPECT_EQ(stream.fd(), -1);
    EXPECT_EQ(co_await outcome(stream.close()), "done");
  };
  run(test());
}

TEST_F(Streams, APeerThatGoesWakesTheDrainThatWaits) {
  auto test = [&]() -> Task<> {
    auto [stream, raw] = pair();
    stream.write(noise(1'000'000));
    const auto draining = create_task(drain(stream));
    co_await settle();
    EXPECT_FALSE(draining.done());
    raw.close();
    co_await settle();
    EXPECT_TRUE(draining.failed());
    EXPECT_EQ(message_of(draining.error()), "write unix:@peer: Broken pipe");
    EXPECT_EQ(stream.queued(), 0U);
  };
  run(test());
}

// --- Closing -------------------------------------------------------------------------------------

TEST_F(Streams, CloseSendsEverythingFirst) {
  const std::string all = noise(1'000'000);
  auto test = [&]() -> Task<> {
    auto [stream, raw] = pair();
    stream.write(all);
    const auto closing = create_task(stream.close());
    co_await settle();
    EXPECT_FALSE(closing.done());
    EXPECT_THROW(stream.write("more"), std::logic_error);
    std::string received;
    while (!received.ends_with("(end)")) {
      received += raw.receive();
      co_await Yield();
    }
    EXPECT_TRUE(received == all + "(end)");
    co_await closing;
    EXPECT_EQ(stream.fd(), -1);
    EXPECT_EQ(co_await outcome(stream.read(1)), "read unix:@peer: Operation canceled");
  };
  run(test());
}

TEST_F(Streams, ACancelledCloseMayBeRepeated) {
  auto test = [&]() -> Task<> {
    auto [stream, raw] = pair();
    stream.write(noise(1'000'000));
    const auto closing = create_task(stream.close());
    co_await settle();
    closing.cancel();
    co_await settle();
    EXPECT_TRUE(closing.cancelled());
    EXPECT_GE(stream.fd(), 0);
    const auto again = create_task(stream.close());
    std::size_t received = 0;
    while (!again.done()) {
      received += raw.receive().size();
      co_await Yield();
    }
    received += raw.receive().size();
    EXPECT_EQ(received, 1'000'000 + std::string("(end)").size());
  };
  run(test());
}

// A socket that is closed with unread bytes resets the connection, and a reset may overtake.
TEST_F(Streams, CloseLosesNothingAlsoIfThePeerSentWhatNobodyRead) {
  auto test = [&]() -> Task<> {
    auto [stream, client] = tcp_pair();
    client.send(std::string(50'000, 'x'));
    co_await stream.read(1);
    stream.write("goodbye");
    co_await stream.close();
    EXPECT_EQ(client.receive_to_end(), "goodbye(end)");
    EXPECT_FALSE(client.was_reset());
  };
  run(test());
}

TEST_F(Streams, AbortWakesWhoeverWaits) {
  auto test = [&]() -> Task<> {
    auto [stream, raw] = pair();
    stream.write(noise(1'000'000));
    const auto reading = create_task(stream.read(1));
    const auto draining = create_task(drain(stream));
    const auto closing = create_task(stream.close());
    co_await settle();
    stream.abort();
    co_await settle();
    EXPECT_EQ(message_of(reading.error()), "read unix:@peer: Operation canceled");
    EXPECT_EQ(message_of(draining.error()), "write unix:@peer: Operation canceled");
    EXPECT_EQ(message_of(closing.error()), "write unix:@peer: Operation canceled");
    EXPECT_TRUE(raw.receive().ends_with("(end)"));
  };
  run(test());
}

TEST_F(Streams, OneThatIsDroppedWhileSomebodyReadsIsAborted) {
  auto test = [&]() -> Task<> {
    net::SocketPair ends = net::connected_pair();
    RawSocket raw(std::move(ends.second));
    auto stream = std::make_unique<Stream>(Descriptor(std::move(ends.first), Peer::here),
                                           Address::unix_abstract("peer"));
    const auto reading = create_task(stream->read(1));
    co_await settle();
    stream->write("queued");
    stream.reset();
    EXPECT_EQ(raw.receive(), "(end)");
    EXPECT_EQ(co_await error_of(reading), "read unix:@peer: Operation canceled");
  };
  run(test());
}

TEST_F(Streams, AStreamMovesWithAllThatIsUnderWay) {
  auto test = [&]() -> Task<> {
    auto [stream, raw] = pair();
    const auto reading = create_task(stream.read(10));
    stream.write("out");
    Stream moved = std::move(stream);
    co_await settle();
    EXPECT_EQ(raw.receive(), "out");
    raw.send("in");
    EXPECT_EQ(co_await reading, "in");
  };
  run(test());
}

// --- open_connection -----------------------------------------------------------------------------

Task<> echo(Stream& stream) {
  while (!stream.at_end()) {
    stream.write(co_await stream.read(1'000));
    co_await stream.drain();
  }
}

bool has_ipv6() {
  try {
    net::listen_on(Address::loopback6(0));
    return true;
  } catch (const std::system_error&) {
    return false;
  }
}

/// Sends `text` and gives what comes back.
Task<std::string> ask(Stream stream, std::string text) {
  stream.write(text);
  stream.write_eof();
  std::string answer = co_await stream.read_to_end();
  co_await stream.close();
  co_return answer;
}

TEST_F(Streams, ANameLeadsToWhicheverFamilyAnswers) {
  if (!has_ipv6()) GTEST_SKIP() << "no IPv6 here";
  auto test = [&]() -> Task<> {
    for (const Address& address : {Address::loopback(0), Address::loopback6(0)}) {
      Server server = start_server(echo, address);
      Stream stream = co_await open_connection("localhost", server.address().port());
      EXPECT_EQ(stream.peer(), server.address());
      EXPECT_EQ(co_await ask(std::move(stream), "hello"), "hello");
    }
  };
  run(test());
}

TEST_F(Streams, UnixSocketsAreReachedByAddress) {
  const testing::TempDir folder;
  auto test = [&]() -> Task<> {
    Server server = start_server(echo, Address::unix_path((folder / "echo").string()));
    Stream stream = co_await open_connection(server.address());
    EXPECT_EQ(co_await ask(std::move(stream), "hello"), "hello");
  };
  run(test());
}

TEST_F(Streams, OpeningSaysWhyItFailed) {
  auto test = [&]() -> Task<> {
    std::uint16_t port = 0;
    {
      const UniqueFd listener = net::listen_on(Address::loopback(0));
      port = net::local_address(listener.get()).port();
    }
    const std::string text = std::to_string(port);
    auto open = [&]() -> Task<> { (void)co_await open_connection("127.0.0.1", port); };
    EXPECT_EQ(co_await outcome(open()), "connect 127.0.0.1:" + text + ": Connection refused");
  };
  run(test());
}

TEST_F(Streams, OpeningHasATimeLimitAndCanBeCancelled) {
  testing::FullListener deaf;
  auto test = [&]() -> Task<> {
    const OpenOptions options = {.timeout = 2s, .stream = kHere};
    auto open = [&]() -> Task<> { (void)co_await open_connection(deaf.address(), options); };
    EXPECT_EQ(co_await outcome(open()),
              "connect " + deaf.address().to_string() + ": no answer in time");
    note("gave up");
    const auto opening = create_task(open());
    co_await sleep(1s);
    opening.cancel();
    co_await settle();
    EXPECT_TRUE(opening.cancelled());
  };
  run(test());
  EXPECT_EQ(log, Log{"2s gave up"});
}

// --- start_server --------------------------------------------------------------------------------

TEST_F(Streams, AServerServesAThousandAtOnce) {
  constexpr int kClients = 1'000;
  rlimit limit{};
  ASSERT_EQ(::getrlimit(RLIMIT_NOFILE, &limit), 0);
  const rlimit before = limit;
  limit.rlim_cur = limit.rlim_max;
  ::setrlimit(RLIMIT_NOFILE, &limit);
  if (limit.rlim_cur < 2 * kClients + 100) GTEST_SKIP() << "too few descriptors";
  std::size_t most = 0;
  auto test = [&]() -> Task<> {
    Server server = start_server(echo, 0);
    EXPECT_EQ(server.address().host(), "127.0.0.1");
    std::vector<Stream> streams;
    for (int i = 0; i < kClients; ++i) {
      streams.push_back(co_await open_connection(server.address()));
      streams.back().write(std::to_string(i) + "\n");
    }
    for (int i = 0; i < kClients; ++i) {
      EXPECT_EQ(co_await streams[static_cast<std::size_t>(i)].read_line(),
                std::to_string(i) + "\n");
    }
    most = server.connections();
    server.close();
    for (Stream& stream : streams) co_await stream.close();
    co_await server.wait_closed();
    EXPECT_EQ(server.connections(), 0U);
  };
  run(test());
  ::setrlimit(RLIMIT_NOFILE, &before);
  EXPECT_EQ(most, 1'000U);
  EXPECT_EQ(reported, Log{});
}

TEST_F(Streams, AHandlerThatThrowsCostsItsConnectionAlone) {
  auto test = [&]() -> Task<> {
    auto handler = [](Stream& stream) -> Task<> {
      const std::string line = co_await stream.read_line();
      stream.write("half an answer");
      if (line == "throw\n") throw std::runtime_error("no");
    };
    Server server = start_server(handler, 0);
    Stream good = co_await open_connection(server.address());
    Stream bad = co_await open_connection(server.address());
    const std::string client = net::local_address(bad.fd()).to_string();
    bad.write("throw\n");
    EXPECT_EQ(co_await outcome(bad.read_to_end()), "");  // aborted: what was queued is not sent
    EXPECT_EQ(reported, Log{"server " + server.address().to_string() + ": connection from " +
                            client + " failed: no"});
    good.write("on\n");
    EXPECT_EQ(co_await good.read_to_end(), "half an answer");
  };
  run(test());
  EXPECT_EQ(reported.size(), 1U);
}

TEST_F(Streams, AServerAcceptsNoMoreThanItMay) {
  auto test = [&]() -> Task<> {
    auto handler = [](Stream& stream) -> Task<> {
      stream.write("welcome\n");
      co_await stream.read(1);
    };
    Server server = start_server(handler, 0, {.max_connections = 2});
    Stream first = co_await open_connection(server.address());
    Stream second = co_await open_connection(server.address());
    EXPECT_EQ(co_await first.read_line(), "welcome\n");
    EXPECT_EQ(co_await second.read_line(), "welcome\n");
    Stream third = co_await open_connection(server.address());
    const auto reading = create_task(third.read_line());
    co_await settle();
    EXPECT_FALSE(reading.done());
    EXPECT_EQ(server.connections(), 2U);
    co_await first.close();
    EXPECT_EQ(co_await reading, "welcome\n");
    EXPECT_EQ(server.connections(), 2U);
  };
  run(test());
}

TEST_F(Streams, AClosedServerLetsItsConnectionsFinish) {
  auto test = [&]() -> Task<> {
    Server server = start_server(echo, 0);
    const Address address = server.address();
    Stream stream = co_await open_connection(address);
    stream.write("one");
    EXPECT_EQ(co_await stream.read_exactly(3), "one");
    auto gone = [&server]() -> Task<> { co_await server.wait_closed(); };
    const auto waiting = create_task(gone());
    server.close();
    server.close();
    auto again = [&]() -> Task<> { (void)co_await open_connection(address); };
    EXPECT_EQ(co_await outcome(again()), "connect " + address.to_string() + ": Connection refused");
    stream.write("two");
    EXPECT_EQ(co_await stream.read_exactly(3), "two");
    EXPECT_FALSE(waiting.done());
    co_await stream.close();
    co_await waiting;
    EXPECT_EQ(server.connections(), 0U);
  };
  run(test());
}

TEST_F(Streams, ACancelledServerCancelsItsHandlers) {
  auto test = [&]() -> Task<> {
    int cancelled = 0;
    auto handler = [&](Stream& stream) -> Task<> {
      try {
        co_await stream.read(1);
      } catch (const Cancelled&) {
        ++cancelled;
        throw;
      }
    };
    Server server = start_server(handler, 0);
    Stream first = co_await open_connection(server.address());
    while (server.connections() == 0) co_await Yield();
    co_await settle();
    RawSocket second = RawSocket::to(server.address());
    while (server.connections() == 1) co_await Yield();  // its task may not have begun yet
    server.cancel();
    co_await server.wait_closed();
    EXPECT_GE(cancelled, 1);
    EXPECT_EQ(co_await first.read(1), "");
    EXPECT_EQ(second.receive_to_end(), "(end)");
  };
  run(test());
  EXPECT_EQ(reported, Log{});
}

TEST_F(Streams, ADroppedServerLeavesNothing) {
  auto test = [&]() -> Task<> {
    std::optional<Stream> client;
    {
      Server server = start_server(echo, 0);
      client = co_await open_connection(server.address());
      while (server.connections() == 0) co_await Yield();
    }
    EXPECT_EQ(co_await client->read(1), "");
  };
  run(test());
}

TEST_F(Streams, APeerThatNeverReadsHoldsItsConnectionForALimitedTime) {
  auto test = [&]() -> Task<> {
    auto handler = [](Stream& stream) -> Task<> {
      stream.write(std::string(10'000'000, 'x'));
      co_return;
    };
    const Address address =
        Address::unix_abstract("simul streams_test " + std::to_string(getpid()));
    Server server = start_server(handler, address, {.close_timeout = 5s, .stream = kHere});
    Stream client = co_await open_connection(address, {.stream = kHere});
    co_await settle();
    server.close();
    co_await server.wait_closed();
    note("gone");
  };
  run(test());
  EXPECT_EQ(log, Log{"5s gone"});
  ASSERT_EQ(reported.size(), 1U);
  EXPECT_TRUE(reported[0].ends_with("timed out after 5 s")) << reported[0];
}

/// While it lives, no descriptor can be opened.
class NoDescriptors {
 public:
  NoDescriptors() {
    ::getrlimit(RLIMIT_NOFILE, &before_);
    const UniqueFd next(::dup(0));
    rlimit limit = before_;
    limit.rlim_cur = static_cast<rlim_t>(next.get());
    ::setrlimit(RLIMIT_NOFILE, &limit);
  }
  ~NoDescriptors() { ::setrlimit(RLIMIT_NOFILE, &before_); }

 private:
  rlimit before_{};
};

TEST_F(Streams, AServerWithoutDescriptorsTriesAgainAndSaysSoOnce) {
  auto test = [&]() -> Task<> {
    const Address address =
        Address::unix_abstract("simul streams_test " + std::to_string(getpid()));
    Server server = start_server(echo, address, {.stream = kHere});
    Stream client = co_await open_connection(address, {.stream = kHere});
    co_await settle();
    EXPECT_EQ(server.connections(), 1U);
    RawSocket waiting = RawSocket::to(address);
    waiting.send("hello");
    {
      const NoDescriptors none;
      co_await sleep(1s);  // it could not pass if the server tried without a pause
      EXPECT_EQ(reported,
                Log{"server failed: accept at " + address.to_string() + ": Too many open files"});
      EXPECT_EQ(server.connections(), 1U);
      client.write("still here\n");
      EXPECT_EQ(co_await client.read_line(), "still here\n");
    }
    co_await sleep(200ms);
    EXPECT_EQ(waiting.receive(), "hello");
    EXPECT_EQ(reported.size(), 1U);
  };
  run(test());
}

// --- From fibers and plain code ------------------------------------------------------------------

TEST_F(Streams, FibersAndPlainCodeUseThemByAwait) {
  Server server = start_server(echo, 0);
  std::string from_fiber;
  const auto fiber = spawn([&] {
    Stream stream = await(open_connection(server.address()));
    stream.write("hello\n");
    await(stream.drain());
    from_fiber = await(stream.read_line());
    await(stream.close());
  });
  Stream stream = await(open_connection(server.address()));
  stream.write("plain\n");
  EXPECT_EQ(await(stream.read_line()), "plain\n");
  await(stream.close());
  server.close();
  await(server.wait_closed());
  EXPECT_EQ(from_fiber, "hello\n");
  EXPECT_TRUE(fiber.done());
}

}  // namespace
}  // namespace simul
