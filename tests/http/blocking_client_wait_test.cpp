// How the blocking client waits: by poll(2) and getaddrinfo(3) and by nothing else, and what it
// makes of their strange answers. This program defines the two itself, as the monkey patch does,
// and lets them fail in the thread under test; the servers' threads get the real ones.
#include <gtest/gtest.h>
#include <netdb.h>
#include <poll.h>

#include <cerrno>
#include <ctime>
#include <string>

#include "runtime/base/error.hpp"
#include "runtime/http/blocking_client.hpp"
#include "tests/support/raw_server.hpp"

namespace {
thread_local int fail_poll_with = 0;  // an errno, for the next `failing_polls` calls
thread_local int failing_polls = 0;
thread_local int polls = 0;
thread_local bool cancel_look_up = false;
}  // namespace

extern "C" int poll(pollfd* entries, nfds_t count, int milliseconds) {
  ++polls;
  if (failing_polls > 0) {
    --failing_polls;
    errno = fail_poll_with;
    return -1;
  }
  const timespec limit{milliseconds / 1000, milliseconds % 1000 * 1000000L};
  return ppoll(entries, count, milliseconds < 0 ? nullptr : &limit, nullptr);
}

extern "C" int getaddrinfo(const char*, const char*, const addrinfo*, addrinfo** result) {
  *result = nullptr;
  errno = ECANCELED;
  return cancel_look_up ? EAI_SYSTEM : EAI_NONAME;
}

namespace simul::http {
namespace {

using simul::testing::RawPeer;
using simul::testing::RawServer;

class Waiting : public ::testing::Test {
 protected:
  Waiting() { polls = failing_polls = 0, cancel_look_up = false; }
  ~Waiting() override { failing_polls = 0, cancel_look_up = false; }

  static void fail_next_poll(int error, int times = 1) {
    fail_poll_with = error;
    failing_polls = times;
  }
};

TEST_F(Waiting, AWaitThatIsCancelledThrowsCancelledAndClosesTheConnection) {
  bool saw_the_end = false;
  {
    RawServer server([&saw_the_end](RawPeer& peer) {
      peer.read_request();
      saw_the_end = peer.read_request().empty();
    });
    Client client;
    fail_next_poll(ECANCELED, 1000);
    EXPECT_THROW(client.get(server.url()), Cancelled);
    failing_polls = 0;
    EXPECT_EQ(client.idle(), 0u);
    while (server.connections() == 0) ::poll(nullptr, 0, 1);
  }
  EXPECT_TRUE(saw_the_end);
}

TEST_F(Waiting, ALookUpThatIsCancelledThrowsCancelled) {
  cancel_look_up = true;
  EXPECT_THROW(get("http://some.where.invalid/"), Cancelled);
}

TEST_F(Waiting, AnInterruptedWaitGoesOn) {
  RawServer server([](RawPeer& peer) {
    peer.read_request();
    peer.pause(std::chrono::milliseconds(20));
    peer.send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
  });
  fail_next_poll(EINTR, 3);
  EXPECT_EQ(get(server.url()).body, "ok");
  EXPECT_EQ(failing_polls, 0);
}

TEST_F(Waiting, WaitingForASlowServerIsAFewPollsAndNoBusyLoop) {
  RawServer server([](RawPeer& peer) {
    peer.read_request();
    peer.pause(std::chrono::milliseconds(200));
    peer.send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
  });
  EXPECT_EQ(get(server.url()).body, "ok");
  EXPECT_GE(polls, 1) << "it must have waited in poll";
  EXPECT_LE(polls, 4);
}

TEST_F(Waiting, AnotherErrorOfPollIsReported) {
  RawServer server([](RawPeer& peer) { peer.wait_until_closed(); });
  fail_next_poll(ENOMEM, 10);
  EXPECT_THROW(get(server.url()), std::system_error);
}

}  // namespace
}  // namespace simul::http
