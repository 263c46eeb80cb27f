// The client against servers that are cut, silent, slow, wrong or gone: what its callers are told,
// that nothing is sent twice, and that no reply ever reaches another caller.
//
// Each server is a thread of this test that sends exactly the bytes written here. What a real Redis
// does is in real_redis_test.
#include "runtime/redis/client.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdlib>
#include <mutex>
#include <optional>
#include <stdexcept>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

#include "runtime/base/error.hpp"
#include "runtime/fiber/fiber.hpp"
#include "runtime/reactor/sleep.hpp"
#include "runtime/sync/event.hpp"
#include "runtime/task/bridges.hpp"
#include "runtime/task/create_task.hpp"
#include "runtime/task/gather.hpp"
#include "runtime/task/run.hpp"
#include "tests/redis/resp_peer.hpp"
#include "tests/support/full_listener.hpp"

namespace simul::redis {
namespace {

using namespace std::chrono_literals;
using simul::testing::FullListener;
using simul::testing::RawPeer;
using simul::testing::RawServer;

// What a server's threads write down.
class Notes {
 public:
  void add(std::string note) {
    const std::lock_guard lock(mutex_);
    notes_.push_back(std::move(note));
  }
  std::vector<std::string> all() {
    const std::lock_guard lock(mutex_);
    return notes_;
  }
  std::size_t count(const std::string& note) {
    const std::vector<std::string> notes = all();
    return static_cast<std::size_t>(std::count(notes.begin(), notes.end(), note));
  }

 private:
  std::mutex mutex_;
  std::vector<std::string> notes_;
};

// A signal from a server's thread to the test's loop.
class Signal {
 public:
  explicit Signal(Reactor& loop) : remote_(loop.remote()) {}
  void give() {
    remote_.call_soon_threadsafe([this] { event_.set(); });
  }
  auto given() { return event_.wait(); }

 private:
  Remote remote_;
  Event event_;
};

Url url_of(const RawServer& server) {
  Url url;
  url.port = server.address().port();
  return url;
}

// The text of the exception with which `task` fails, which must be an `Error`.
template <class Error, class T>
std::string error_of(Task<T> task) {
  try {
    await(std::move(task));
  } catch (const Error& error) {
    return error.what();
  }
  ADD_FAILURE() << "it did not fail";
  return "";
}

bool contains(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

// --- URLs ----------------------------------------------------------------------------------------

std::string refused(std::string_view text) {
  try {
    Url::parse(text);
  } catch (const InvalidUrl& error) {
    return error.what();
  }
  return "";
}

TEST(RedisUrl, ReadsTcp) {
  EXPECT_EQ(Url::parse("redis://127.0.0.1:6379/0"), Url());
  EXPECT_EQ(Url::parse("redis://"), Url());
  Url url = Url::parse("redis://user:p%40ss%2f:w@example.org:7000/12?client_name=me#x");
  EXPECT_EQ(url.host, "example.org");
  EXPECT_EQ(url.port, 7000);
  EXPECT_EQ(url.database, 12);
  EXPECT_EQ(url.user, "user");
  EXPECT_EQ(url.password, "p@ss/:w");
  EXPECT_EQ(url.client_name, "me");
  EXPECT_EQ(url.to_string(), "redis://example.org:7000/12") << "without the password";
  EXPECT_EQ(Url::parse("redis://:secret@h").password, "secret");
  EXPECT_EQ(Url::parse("redis://h/1?db=3").database, 3);
  url = Url::parse("redis://[::1]:7000");
  EXPECT_EQ(url.host, "::1");
  EXPECT_EQ(url.port, 7000);
  EXPECT_EQ(url.to_string(), "redis://[::1]:7000/0");
}

TEST(RedisUrl, ReadsUnixSockets) {
  const Url url = Url::parse("unix://:secret@/run/a%20b.sock?db=2");
  EXPECT_EQ(url.path, "/run/a b.sock");
  EXPECT_EQ(url.database, 2);
  EXPECT_EQ(url.password, "secret");
  EXPECT_EQ(url.to_string(), "unix:///run/a b.sock?db=2");
  EXPECT_EQ(Url::parse("unix:///s?password=x").password, "x");
}

TEST(RedisUrl, SaysWhatIsWrong) {
  EXPECT_EQ(refused("http://h"), "Redis URL: it begins with redis:// or unix://");
  EXPECT_EQ(refused("rediss://h"), "Redis URL: rediss:// needs TLS, which is not spoken here");
  EXPECT_EQ(refused("redis://h:x"), "Redis URL: the port is a number from 1 to 65535, not \"x\"");
  for (const char* text : {"redis://h:0", "redis://h:65536", "redis://h/one", "redis://h/-1",
                           "redis://h?db=", "redis://[::1", "redis://h%4", "redis://%zz", "unix://",
                           "unix://run/x.sock", "redis://h?size=3", "redis://me@h", ""}) {
    EXPECT_NE(refused(text), "") << text;
  }
}

TEST(RedisUrl, ComesFromTheEnvironment) {
  ::unsetenv("REDIS_URL");
  EXPECT_EQ(Url::from_environment(), Url());
  ::setenv("REDIS_URL", "redis://h:1/2", 1);
  EXPECT_EQ(Url::from_environment().to_string(), "redis://h:1/2");
  ::unsetenv("REDIS_URL");
}

// --- Greeting ------------------------------------------------------------------------------------

TEST(RedisClient, GreetsBeforeAnythingElse) {
  Notes notes;
  RawServer server([&](RawPeer& raw) {
    RespPeer peer(raw);
    for (std::string command; !(command = peer.command()).empty();) {
      notes.add(command);
      peer.send("+OK\r\n");
    }
  });
  Reactor loop;
  Url url = url_of(server);
  url.user = "me";
  url.password = "secret";
  url.database = 3;
  url.client_name = "worker 1";
  Client client(url);
  await(client.call("PING"));
  EXPECT_EQ(notes.all(), (std::vector<std::string>{"AUTH me secret", "SELECT 3",
                                                   "CLIENT SETNAME worker 1", "PING"}));
}

TEST(RedisClient, SaysThatAPasswordIsWrongAndSendsNothingElse) {
  Notes notes;
  RawServer server([&](RawPeer& raw) {
    RespPeer peer(raw);
    for (std::string command; !(command = peer.command()).empty();) {
      notes.add(command);
      peer.send("-WRONGPASS invalid\r\n");
    }
  });
  Reactor loop;
  Url url = url_of(server);
  url.password = "wrong";
  Client client(url);
  EXPECT_EQ(error_of<ServerError>(client.call("PING")), "AUTH: WRONGPASS invalid");
  EXPECT_EQ(notes.all(), std::vector<std::string>{"AUTH wrong"});
}

TEST(RedisClient, FailsAtOnceIfTheFirstConnectionCannotBeMade) {
  Reactor loop;
  Url url;
  url.port = net::local_address(net::listen_on(net::Address::loopback(0)).get()).port();
  Client client(url);
  const std::string text = "connect 127.0.0.1:" + std::to_string(url.port) + ": Connection refused";
  EXPECT_EQ(error_of<std::system_error>(client.call("PING")), text);
  EXPECT_EQ(error_of<std::system_error>(client.connect()), text);
  url.path = "/no/such.sock";
  EXPECT_EQ(error_of<std::system_error>(Client(url).call("PING")),
            "connect unix:/no/such.sock: No such file or directory");
}

TEST(RedisClient, LimitsHowLongConnectingTakes) {
  Reactor loop;
  FullListener listener;
  Url url;
  url.port = listener.address().port();
  ClientOptions options;
  options.connect_timeout = 50ms;
  EXPECT_TRUE(contains(error_of<TimedOut>(Client(url, options).call("PING")), "connect"));
  RawServer silent([](RawPeer& peer) { peer.wait_until_closed(); });
  url.port = silent.address().port();
  url.database = 1;
  EXPECT_TRUE(contains(error_of<TimedOut>(Client(url, options).call("PING")),
                       "no answer to SELECT within 0.05 s"));
}

// --- Sharing -------------------------------------------------------------------------------------

TEST(RedisClient, SendsWhatIsAskedInOneTurnInOneWriteAndMatchesRepliesInOrder) {
  std::atomic<int> came_together = 0;
  RawServer server([&](RawPeer& raw) {
    RespPeer peer(raw);
    std::string replies;
    for (int i = 0; i < 100; ++i) {
      const std::string command = peer.command();
      if (peer.has_more()) ++came_together;
      replies += "+" + command + "\r\n";
    }
    peer.send(replies);
    raw.wait_until_closed();
  });
  Reactor loop;
  Client client(url_of(server));
  const auto main = [&]() -> Task<> {
    std::vector<Task<Reply>> calls;
    for (int i = 0; i < 100; ++i) calls.push_back(client.call("ECHO", i));
    const std::vector<Reply> replies = co_await gather(std::move(calls));
    for (std::size_t i = 0; i < 100; ++i) {
      EXPECT_EQ(replies[i].as_text(), "ECHO " + std::to_string(i));
    }
  };
  run(main());
  EXPECT_EQ(came_together, 99);
  EXPECT_EQ(server.connections(), 1);
}

TEST(RedisClient, ReadsRepliesThatDrip) {
  RawServer server([](RawPeer& raw) {
    RespPeer peer(raw);
    peer.command();
    for (const char c : std::string("*2\r\n$5\r\nhello\r\n:42\r\n")) {
      peer.send({&c, 1});
      raw.pause(1ms);
    }
    raw.wait_until_closed();
  });
  Reactor loop;
  Client client(url_of(server));
  const Reply reply = await(client.call("X"));
  EXPECT_EQ(reply, Reply::array({Reply::text("hello"), Reply::integer(42)}));
}

TEST(RedisClient, ThrowsWhatTheServerRefusesAndGoesOn) {
  RawServer server([](RawPeer& raw) {
    RespPeer peer(raw);
    peer.command();
    peer.send("-WRONGTYPE Operation against a key\r\n");
    peer.say_ok();
  });
  Reactor loop;
  Client client(url_of(server));
  try {
    await(client.call("INCR", "list"));
    ADD_FAILURE();
  } catch (const ServerError& error) {
    EXPECT_STREQ(error.what(), "INCR: WRONGTYPE Operation against a key");
    EXPECT_EQ(error.code(), "WRONGTYPE");
    EXPECT_EQ(error.text(), "WRONGTYPE Operation against a key");
  }
  EXPECT_TRUE(await(client.call("SET", "a", 1)).is_ok());
  EXPECT_EQ(server.connections(), 1);
}

TEST(RedisClient, DropsTheReplyOfACallerWhoWasCancelled) {
  Reactor loop;
  Signal arrived(loop);
  RawServer server([&](RawPeer& raw) {
    RespPeer peer(raw);
    const std::string first = peer.command();
    arrived.give();
    const std::string second = peer.command();  // comes after the first one's end
    peer.send("+" + first + "\r\n+" + second + "\r\n");
    raw.wait_until_closed();
  });
  Client client(url_of(server));
  const auto main = [&]() -> Task<> {
    auto first = create_task(client.call("FIRST"));
    co_await arrived.given();
    first.cancel();
    const Reply second = co_await client.call("SECOND");
    EXPECT_EQ(second.as_text(), "SECOND");
    EXPECT_TRUE(first.cancelled());
  };
  run(main());
  EXPECT_EQ(server.connections(), 1);
}

TEST(RedisClient, NeverSendsWhatWasCancelledBefore) {
  Notes notes;
  RawServer server([&](RawPeer& raw) {
    RespPeer peer(raw);
    for (std::string command; !(command = peer.command()).empty();) {
      notes.add(command);
      peer.send("+OK\r\n");
    }
  });
  Reactor loop;
  Client client(url_of(server));
  const auto main = [&]() -> Task<> {
    auto cancelled = create_task(client.call("FIRST"));
    auto other = create_task(client.call("SECOND"));
    co_await sleep(0s);  // both wait for the connection
    cancelled.cancel();
    co_await other;
  };
  run(main());
  EXPECT_EQ(notes.all(), std::vector<std::string>{"SECOND"});
}

TEST(RedisClient, RefusesWhatWouldDisturbTheOthers) {
  Reactor loop;
  Client client("redis://127.0.0.1:1");
  EXPECT_TRUE(contains(error_of<std::logic_error>(client.call("watch", "k")), "Client::session"));
  EXPECT_TRUE(
      contains(error_of<std::logic_error>(client.call("BLPOP", "k", 0)), "Client::call_blocking"));
  EXPECT_NE(error_of<std::logic_error>(client.execute(Pipeline().add("MULTI"))), "");
  EXPECT_NE(error_of<std::logic_error>(client.call("SUBSCRIBE", "k")), "");
}

// --- Time ----------------------------------------------------------------------------------------

TEST(RedisClient, SaysThatASilentServerMayHaveDoneIt) {
  RawServer server([](RawPeer& raw) {
    RespPeer peer(raw);
    peer.command();
    peer.send("+OK\r\n");
    if (raw.number() == 1) raw.wait_until_closed();
  });
  Reactor loop;
  ClientOptions options;
  options.timeout = 50ms;
  Client client(url_of(server), options);
  await(client.call(Command("PING"), 10s));
  try {
    await(client.call("SET", "a", 1));
    ADD_FAILURE();
  } catch (const FateUnknown& error) {
    EXPECT_TRUE(error.timed_out());
    EXPECT_TRUE(contains(error.what(), "SET at redis://127.0.0.1:")) << error.what();
    EXPECT_TRUE(contains(error.what(), "there was no reply within 0.05 s")) << error.what();
  }
  EXPECT_TRUE(await(client.call(Command("SET", "a", 1), 10s)).is_ok()) << "on a new connection";
  EXPECT_EQ(server.connections(), 2);
}

TEST(RedisClient, LetsOneCallBeShortOfTimeWithoutHarmToTheOthers) {
  Reactor loop;
  RawServer server([&](RawPeer& raw) {
    RespPeer peer(raw);
    peer.command();
    peer.send("+PONG\r\n");
    peer.command();
    const std::string last = peer.command();  // when the first one has given up
    peer.send("+late\r\n+" + last + "\r\n");
    raw.wait_until_closed();
  });
  Client client(url_of(server));
  const auto main = [&]() -> Task<> {
    co_await client.connect();
    bool gave_up = false;
    try {
      co_await client.call(Command("SLOW"), 20ms);
    } catch (const FateUnknown& error) {
      gave_up = error.timed_out();
    }
    EXPECT_TRUE(gave_up);
    const Reply reply = co_await client.call("QUICK");
    EXPECT_EQ(reply.as_text(), "QUICK");
  };
  run(main());
  EXPECT_EQ(server.connections(), 1);
}

// --- Connections that are lost -------------------------------------------------------------------

TEST(RedisClient, SaysThatTheFateOfASentCommandIsUnknown) {
  for (const std::string part : {"", "$100\r\nhalf of"}) {
    RawServer server([&](RawPeer& raw) {
      RespPeer peer(raw);
      peer.command();
      peer.send(part);
    });
    Reactor loop;
    Client client(url_of(server));
    try {
      await(client.call("INCR", "n"));
      ADD_FAILURE();
    } catch (const FateUnknown& error) {
      EXPECT_FALSE(error.timed_out());
      EXPECT_EQ(error.what(),
                "INCR at " + client.url().to_string() +
                    ": it was sent, and before its reply the server closed the connection" +
                    (part.empty() ? "" : " in the middle of a reply") +
                    ": it may have been done or not");
    }
    EXPECT_EQ(server.connections(), 1) << "and it is not sent again";
  }
}

TEST(RedisClient, GivesUpAConnectionOnWhichNonsenseComes) {
  for (const std::string nonsense : {"HTTP/1.1 200 OK\r\n", "$99999999999\r\n", "+OK\r\n+OK\r\n"}) {
    RawServer server([&](RawPeer& raw) {
      RespPeer peer(raw);
      peer.command();
      if (raw.number() == 1) {
        peer.send(nonsense);
        raw.wait_until_closed();
      }
      peer.send("+OK\r\n");
      peer.say_ok();
    });
    Reactor loop;
    Client client(url_of(server));
    const bool one_too_many = nonsense.starts_with("+");
    if (one_too_many) {
      EXPECT_TRUE(await(client.call("FIRST")).is_ok());
    } else {
      EXPECT_TRUE(contains(error_of<FateUnknown>(client.call("FIRST")), "RESP: "));
    }
    EXPECT_TRUE(await(client.call("SECOND")).is_ok());
    EXPECT_EQ(server.connections(), 2) << nonsense;
  }
}

TEST(RedisClient, NoticesThatAnIdleConnectionWasClosedBeforeItSendsAnything) {
  Notes notes;
  RawServer server([&](RawPeer& raw) {
    RespPeer peer(raw);
    notes.add(peer.command());
    peer.send("+OK\r\n");
    if (raw.number() == 1) return notes.add("closed");
    peer.say_ok();
  });
  Reactor loop;
  Client client(url_of(server));
  await(client.call("FIRST"));
  while (notes.count("closed") == 0) Clock::sleep_for(1ms);
  Clock::sleep_for(5ms);  // until the end has come through the kernel
  EXPECT_TRUE(await(client.call("SECOND")).is_ok());
  EXPECT_EQ(notes.all(), (std::vector<std::string>{"FIRST", "closed", "SECOND"}));
}

TEST(RedisClient, SendsOnTheNextConnectionWhatHadNotLeftYetAndOnlyThat) {
  Reactor loop;
  Notes notes;
  RawServer server([&](RawPeer& raw) {
    RespPeer peer(raw);
    for (std::string command; !(command = peer.command()).empty();) {
      notes.add(std::to_string(raw.number()) + " " + command);
      if (raw.number() == 1) return;
      peer.send("+" + command + "\r\n");
    }
  });
  ClientOptions options;
  options.in_flight = 1;  // the second one waits for the first one's reply
  options.reconnect.first = 1ms;
  Client client(url_of(server), options);
  const auto main = [&]() -> Task<> {
    std::vector<Task<Reply>> calls;
    calls.push_back(client.call("FIRST"));
    calls.push_back(client.call("SECOND"));
    calls.push_back(client.call("THIRD"));
    auto outcomes = co_await gather_outcomes(std::move(calls));
    EXPECT_THROW(outcomes[0].value(), FateUnknown);
    EXPECT_EQ(outcomes[1].value().as_text(), "SECOND");
    EXPECT_EQ(outcomes[2].value().as_text(), "THIRD");
  };
  run(main());
  EXPECT_EQ(notes.all(), (std::vector<std::string>{"1 FIRST", "2 SECOND", "2 THIRD"}));
}

TEST(RedisClient, WaitsForAServerThatComesBack) {
  Reactor loop;
  const auto serve = [](RawPeer& raw) { RespPeer(raw).say_ok(); };
  std::optional<RawServer> server(std::in_place, serve);
  const net::Address address = server->address();
  ClientOptions options;
  options.reconnect.first = 1ms;
  options.reconnect.most = 5ms;
  Client client(url_of(*server), options);
  const auto main = [&]() -> Task<> {
    co_await client.call("FIRST");
    server.reset();
    auto second = create_task(client.call("SECOND"));
    co_await sleep(30ms);  // some tries fail
    EXPECT_FALSE(second.done());
    server.emplace(serve, address);
    EXPECT_TRUE((co_await second).is_ok());
  };
  run(main());
}

TEST(RedisClient, TellsACallerWhoseTimeIsOverThatItWasNotSent) {
  Reactor loop;
  std::optional<RawServer> server(std::in_place, [](RawPeer& raw) { RespPeer(raw).say_ok(); });
  ClientOptions options;
  options.timeout = 30ms;
  Client client(url_of(*server), options);
  await(client.call(Command("FIRST"), 10s));
  server.reset();
  const std::string text = error_of<TimedOut>(client.call("SECOND"));
  EXPECT_TRUE(contains(text, "SECOND at redis://")) << text;
  EXPECT_TRUE(contains(text, "not sent within 0.03 s (connect ")) << text;
  EXPECT_TRUE(contains(text, "Connection refused)")) << text;
}

// --- Closing -------------------------------------------------------------------------------------

TEST(RedisClient, TellsWhoWaitsThatItWasClosed) {
  Reactor loop;
  Signal arrived(loop);
  RawServer server([&](RawPeer& raw) {
    RespPeer(raw).command();
    arrived.give();
    raw.wait_until_closed();
  });
  ClientOptions options;
  options.in_flight = 1;
  Client client(url_of(server), options);
  const auto main = [&]() -> Task<> {
    auto sent = create_task(client.call("SENT"));
    auto waits = create_task(client.call("WAITS"));
    co_await arrived.given();
    client.close();
    auto [first, second] = co_await gather_outcomes(sent, waits);
    EXPECT_THROW(first.value(), FateUnknown);
    EXPECT_THROW(second.value(), ConnectionLost);
  };
  run(main());
  EXPECT_TRUE(client.closed());
  EXPECT_EQ(error_of<ClientClosed>(client.call("LATER")),
            "LATER at " + client.url().to_string() + ": the client is closed");
}

TEST(RedisClient, LeavesNothingBehindWhereverItIsDestroyed) {
  Reactor loop;
  Signal arrived(loop);
  RawServer server([&](RawPeer& raw) {
    if (RespPeer(raw).command() == "LATE") arrived.give();
    raw.wait_until_closed();
  });
  std::optional<Client> client(std::in_place, url_of(server));
  const auto main = [&]() -> Task<> {
    auto early = create_task(client->call("EARLY"));
    co_await sleep(0s);
    client.reset();  // while it connects
    auto [outcome] = co_await gather_outcomes(early);
    EXPECT_THROW(outcome.value(), ClientClosed);
    client.emplace(url_of(server));
    auto late = create_task(client->call("LATE"));
    co_await arrived.given();
    client.reset();
    auto [other] = co_await gather_outcomes(late);
    EXPECT_THROW(other.value(), FateUnknown);
  };
  run(main());
}

TEST(RedisClient, EndsWithTheLoopWhoeverStillWaits) {
  Reactor loop;
  RawServer server([](RawPeer& raw) { raw.wait_until_closed(); });
  Client client(url_of(server));
  const auto main = [&]() -> Task<> {
    create_task(client.call("LEFT"));
    co_await sleep(10ms);
  };
  run(main());
}

// --- Limits --------------------------------------------------------------------------------------

TEST(RedisClient, LimitsWhatIsUnderWay) {
  Reactor loop;
  RawServer server([](RawPeer& raw) { RespPeer(raw).say_ok(); });
  ClientOptions options;
  options.outstanding = 1000;
  Client client(url_of(server), options);
  EXPECT_TRUE(await(client.call("SET", "a", std::string(900, 'x'))).is_ok());
  EXPECT_TRUE(contains(error_of<LimitExceeded>(client.call("SET", "a", std::string(1000, 'x'))),
                       "bytes of commands are under way, the limit is 1000"));
}

TEST(RedisClient, SendsAndReceivesWhatIsMuchLargerThanASocketsBuffer) {
  Reactor loop;
  RawServer server([](RawPeer& raw) {
    RespPeer peer(raw);
    for (std::string command; !(command = peer.command()).empty();) {
      std::string reply;
      write_text(reply, command);
      peer.send(reply);
    }
  });
  Client client(url_of(server));
  const std::string large(2'000'000, 'x');
  const auto main = [&]() -> Task<> {
    std::vector<Task<Reply>> calls;
    for (int i = 0; i < 4; ++i) calls.push_back(client.call("ECHO", i, large));
    const std::vector<Reply> replies = co_await gather(std::move(calls));
    for (std::size_t i = 0; i < replies.size(); ++i) {
      EXPECT_TRUE(replies[i].as_text() == "ECHO " + std::to_string(i) + " " + large);
    }
  };
  run(main());
}

// --- Sessions ------------------------------------------------------------------------------------

TEST(RedisSession, IsNotConnectedAgain) {
  Reactor loop;
  RawServer server([](RawPeer& raw) {
    RespPeer peer(raw);
    peer.command();
    peer.send("+OK\r\n");
    peer.command();
  });
  Client client(url_of(server));
  Session session = await(client.session());
  await(session.watch("k"));
  EXPECT_NE(error_of<FateUnknown>(session.call("GET", "k")), "");
  EXPECT_FALSE(session.usable());
  EXPECT_TRUE(contains(error_of<ConnectionLost>(session.call("GET", "k")), "it was not sent"));
}

TEST(RedisSession, GivesItsConnectionToTheNextOneIfItIsClean) {
  Reactor loop;
  RawServer server([](RawPeer& raw) { RespPeer(raw).say_ok(); });
  Client client(url_of(server));
  const auto use = [&](std::vector<const char*> commands) {
    const Session session = await(client.session());
    for (const char* command : commands) await(session.call(command));
  };
  use({"PING"});
  use({"WATCH", "UNWATCH"});
  EXPECT_EQ(server.connections(), 1);
  use({"WATCH"});
  use({"PING"});
  EXPECT_EQ(server.connections(), 2);
  use({"SELECT"});
  use({"PING"});
  EXPECT_EQ(server.connections(), 3);
}

TEST(RedisSession, ClosesTheConnectionOfABlockingCallThatIsCancelled) {
  Reactor loop;
  Signal blocked(loop);
  Signal gone(loop);
  RawServer server([&](RawPeer& raw) {
    RespPeer peer(raw);
    if (peer.command().starts_with("BLPOP")) {
      blocked.give();
      raw.wait_until_closed();
      gone.give();
    } else {
      peer.send("+OK\r\n");
      peer.say_ok();
    }
  });
  Client client(url_of(server));
  const auto main = [&]() -> Task<> {
    auto waits = create_task(client.call_blocking("BLPOP", "list", 0));
    co_await blocked.given();
    EXPECT_TRUE((co_await client.call("PING")).is_ok()) << "nobody is held up";
    waits.cancel();
    co_await gone.given();
  };
  run(main());
  EXPECT_EQ(server.connections(), 2);
}

// --- Subscriptions -------------------------------------------------------------------------------

TEST(RedisSubscription, SaysWhenMessagesMayHaveBeenMissed) {
  Reactor loop;
  Notes notes;
  RawServer server([&](RawPeer& raw) {
    RespPeer peer(raw);
    const std::string first = peer.command();
    const std::string second = peer.command();
    notes.add(first + ", " + second);
    peer.send(
        "*3\r\n$9\r\nsubscribe\r\n$1\r\na\r\n:1\r\n*3\r\n$10\r\npsubscribe\r\n$2\r\nb*\r\n:2\r\n");
    const std::string n = std::to_string(raw.number());
    peer.send("*3\r\n$7\r\nmessage\r\n$1\r\na\r\n$1\r\n" + n + "\r\n");
    peer.send("*4\r\n$8\r\npmessage\r\n$2\r\nb*\r\n$2\r\nbc\r\n$1\r\n" + n + "\r\n");
    if (raw.number() == 2) raw.wait_until_closed();
  });
  ClientOptions options;
  options.reconnect.first = 1ms;
  Client client(url_of(server), options);
  Subscription subscription = await(client.subscribe({"a"}, {"b*"}));
  const auto next = [&] {
    const Message message = await(subscription.next());
    return message.gap ? "gap" : message.pattern + " " + message.channel + " " + message.payload;
  };
  EXPECT_EQ(next(), " a 1");
  EXPECT_EQ(next(), "b* bc 1");
  EXPECT_EQ(next(), "gap");
  EXPECT_EQ(next(), " a 2");
  EXPECT_EQ(next(), "b* bc 2");
  EXPECT_EQ(notes.count("SUBSCRIBE a, PSUBSCRIBE b*"), 2u);
}

TEST(RedisSubscription, EndsWhoWaitsWhenItIsClosedOrCancelled) {
  Reactor loop;
  RawServer server([](RawPeer& raw) {
    RespPeer peer(raw);
    peer.command();
    peer.send("*3\r\n$9\r\nsubscribe\r\n$1\r\na\r\n:1\r\n");
    raw.wait_until_closed();
  });
  Client client(url_of(server));
  const auto main = [&]() -> Task<> {
    Subscription subscription = co_await client.subscribe("a");
    auto cancelled = create_task(subscription.next());
    auto closed = create_task(subscription.next());
    co_await sleep(0s);
    cancelled.cancel();
    co_await sleep(0s);
    subscription.close();
    auto [outcome] = co_await gather_outcomes(closed);
    EXPECT_THROW(outcome.value(), ClientClosed);
  };
  run(main());
}

}  // namespace
}  // namespace simul::redis
