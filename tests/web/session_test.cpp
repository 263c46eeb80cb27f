// Session against servers that behave, and against servers that stall, drip, lie and hang up; and
// what only a session can get wrong: whose answer it is, after a request that was cancelled, ran
// out of time or was left unread.
//
// The rules of HTTP are tested in http/exchange_test, the pool in connection_pool_test. Each server
// here is a thread of this test that sends exactly the bytes written here.
#include "runtime/web/session.hpp"

#include <gtest/gtest.h>

#include <chrono>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

#include "runtime/base/error.hpp"
#include "runtime/http/error.hpp"
#include "runtime/net/socket.hpp"
#include "runtime/reactor/sleep.hpp"
#include "runtime/sync/event.hpp"
#include "runtime/task/create_task.hpp"
#include "runtime/task/run.hpp"
#include "tests/support/full_listener.hpp"
#include "tests/support/raw_server.hpp"

namespace simul::web {
namespace {

using namespace std::chrono_literals;
using http::Response;
using simul::testing::FullListener;
using simul::testing::RawPeer;
using simul::testing::RawServer;

std::string answer(const std::string& body, const std::string& more = "") {
  return "HTTP/1.1 200 OK\r\n" + more + "Content-Length: " + std::to_string(body.size()) +
         "\r\n\r\n" + body;
}

// A server that gives every request on every connection this answer.
RawServer always(std::string text) {
  return RawServer([text](RawPeer& peer) {
    while (!peer.read_request().empty() && peer.send(text)) {
    }
  });
}

// What was asked for in "GET /path HTTP/1.1".
std::string target_of(const std::string& request) {
  const std::size_t from = request.find(' ') + 1;
  return request.substr(from, request.find(' ', from) - from);
}

// A server that answers every request with its target.
RawServer echo() {
  return RawServer([](RawPeer& peer) {
    for (;;) {
      const std::string request = peer.read_request();
      if (request.empty() || !peer.send(answer(target_of(request)))) return;
    }
  });
}

// --- Answers -------------------------------------------------------------------------------------

TEST(Session, GetsAPage) {
  Reactor loop;
  RawServer server = always(answer("hello"));
  Session session;
  const Response response = run(session.get(server.url()));
  EXPECT_EQ(response.status, 200);
  EXPECT_EQ(response.body, "hello");
  EXPECT_EQ(response.url.to_string(), server.url());
}

TEST(Session, RequestsOneAfterAnotherShareAConnection) {
  Reactor loop;
  RawServer server = echo();
  const auto main = [&]() -> Task<> {
    Session session;
    for (int i = 0; i < 20; ++i) {
      const std::string path = "/" + std::to_string(i);
      EXPECT_EQ((co_await session.get(server.url(path))).body, path);
    }
    EXPECT_EQ(session.pool().idle(), 1u);
    EXPECT_EQ(session.pool().in_use(), 0u);
  };
  run(main());
  EXPECT_EQ(server.connections(), 1);
}

TEST(Session, RequestsAtOnceHaveAConnectionEach) {
  Reactor loop;
  RawServer server = echo();
  const auto main = [&]() -> Task<> {
    Session session;
    std::vector<TaskHandle<Response>> tasks;
    for (int i = 0; i < 10; ++i) {
      tasks.push_back(create_task(session.get(server.url("/" + std::to_string(i)))));
    }
    for (int i = 0; i < 10; ++i) {
      EXPECT_EQ((co_await tasks[static_cast<std::size_t>(i)]).body, "/" + std::to_string(i));
    }
  };
  run(main());
  EXPECT_EQ(server.connections(), 10);
}

}  // namespace
}  // namespace simul::web
