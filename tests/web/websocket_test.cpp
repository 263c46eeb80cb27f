// WebSocket, server and client on one loop, in virtual time: an hour of silence costs nothing.
#include "runtime/web/websocket.hpp"

#include <gtest/gtest.h>

#include <chrono>
#include <future>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "runtime/fiber/fiber.hpp"
#include "runtime/http/error.hpp"
#include "runtime/task/bridges.hpp"
#include "runtime/task/gather.hpp"
#include "runtime/task/timeout.hpp"
#include "tests/support/child.hpp"
#include "tests/web/server_fixture.hpp"

namespace simul::web {
namespace {

using namespace std::chrono_literals;
using namespace std::string_literals;
using http::websocket::Opcode;

const std::string kHandshake = get("/echo",
                                   "Upgrade: websocket\r\nConnection: Upgrade\r\n"
                                   "Sec-WebSocket-Version: 13\r\n"
                                   "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n");

Task<> echo(WebSocket& socket) {
  while (auto message = co_await socket.receive()) co_await socket.send(*std::move(message));
}

// A frame as a client sends it.
std::string frame(Opcode opcode, std::string_view payload, bool last = true) {
  constexpr http::websocket::MaskKey kKey = {1, 2, 3, 4};
  std::string out;
  http::websocket::write_frame(out, opcode, payload, last, &kKey);
  return out;
}

class WebSocketTest : public ServerFixture {
 public:
  WebSocketTest() { serve("/echo", echo); }

  template <class Talk>
  void serve(const std::string& path, Talk talk) {
    router.get(path, [this, talk](Request& request) -> Task<Response> {
      co_return websocket(request, talk, settings, acceptance);
    });
  }

  Task<WebSocket> connect(std::string path, WebSocketCall call = {}) {
    call.peer = Peer::here;
    co_return co_await connect_websocket("ws" + server->url(path).substr(4), std::move(call));
  }

  // Notes how a connection comes to its end.
  Task<> listen(WebSocket& socket) {
    try {
      while (auto message = co_await socket.receive()) note("got " + message->data);
      note("closed " + std::to_string(socket.close_code()) + " " + socket.close_reason());
    } catch (const WebSocketClosed& error) {
      note(std::to_string(error.code()) + " " + error.what());
    }
  }

  WebSocketOptions settings;
  http::websocket::Acceptance acceptance;
};

// --- Messages -----------------------------------------------------------------------------------

TEST_F(WebSocketTest, SendsMessagesOfEverySizeThereAndBack) {
  with_server([&]() -> Task<> {
    WebSocket socket = co_await connect("/echo");
    for (const std::size_t size : {0u, 1u, 125u, 126u, 65535u, 65536u, 1049600u}) {
      std::string data(size, 'x');
      for (std::size_t i = 0; i < size; ++i) data[i] = static_cast<char>('a' + i % 23);
      for (const bool text : {true, false}) {
        const Message sent{data, text};
        EXPECT_TRUE(co_await socket.send(sent));
        const std::optional<Message> got = co_await socket.receive();
        EXPECT_TRUE(got == sent) << size;
      }
    }
    co_await socket.close();
    EXPECT_FALSE(socket.is_open());
    EXPECT_EQ(socket.close_code(), 1000);
    EXPECT_FALSE(co_await socket.receive());
    EXPECT_EQ(co_await error_of([&] { return socket.send_text("late"); }),
              "the peer has closed the connection");
  });
  EXPECT_EQ(reported, Log{});
}

TEST_F(WebSocketTest, HandlersAndClientsMayBeFibers) {
  router.get("/fiber", [](Request& request) {
    return websocket(request, [](WebSocket& socket) {
      while (auto message = await(socket.receive())) {
        await(socket.send_text(message->data + " from a fiber"));
      }
    });
  });
  with_server([&]() -> Task<> {
    const Fiber<void> fiber = spawn([&] {
      WebSocket socket = await(connect("/fiber"));
      await(socket.send_text("hello"));
      EXPECT_EQ(await(socket.receive())->data, "hello from a fiber");
      await(socket.close());
    });
    co_await fiber;
  });
}

TEST_F(WebSocketTest, TakesFramesThatComeRightBehindTheHandshake) {
  serve("/hello", [](WebSocket& socket) -> Task<> { co_await socket.send_text("hello"); });
  with_server([&]() -> Task<> {
    Talk talk(server->address());
    co_await talk.send(kHandshake + frame(Opcode::text, "one") + frame(Opcode::text, "t", false) +
                       frame(Opcode::ping, "?") + frame(Opcode::continuation, "wo") +
                       frame(Opcode::close, "\x03\xe8"));
    const std::string head = co_await talk.head();
    EXPECT_TRUE(head.starts_with("HTTP/1.1 101 ")) << head;
    EXPECT_NE(head.find("Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo="), std::string::npos);
    EXPECT_EQ(co_await talk.receive(), "\x81\x03one\x8a\x01?\x81\x03two\x88\x02\x03\xe8");
    WebSocket socket = co_await connect("/hello");
    EXPECT_EQ((co_await socket.receive())->data, "hello");
    EXPECT_FALSE(co_await socket.receive());
  });
}

TEST_F(WebSocketTest, SeveralSendersMixOnlyWholeMessages) {
  settings.max_queued = 10'000;
  settings.limits.message = 4 * 1024 * 1024;
  serve("/many", [this](WebSocket& socket) -> Task<> {
    auto sender = [&](char letter, std::size_t size) -> Task<> {
      for (int i = 0; i < 20; ++i) co_await socket.send_text(std::string(size, letter));
    };
    co_await gather(sender('a', 300'000), sender('b', 5), sender('c', 70'000),
                    sender('d', 1'000'000));
    note("sent");
  });
  with_server([&]() -> Task<> {
    WebSocketCall call;
    call.options.limits.message = 4 * 1024 * 1024;
    WebSocket socket = co_await connect("/many", call);
    std::size_t messages = 0;
    while (auto message = co_await socket.receive()) {
      EXPECT_EQ(message->data.find_first_not_of(message->data.front()), std::string::npos);
      ++messages;
    }
    EXPECT_EQ(messages, 80u);
  });
  EXPECT_EQ(log, Log{"0s sent"});
}

// --- Goodbye ------------------------------------------------------------------------------------

TEST_F(WebSocketTest, TheClientSaysGoodbye) {
  serve("/listen", [this](WebSocket& socket) { return listen(socket); });
  with_server([&]() -> Task<> {
    WebSocket socket = co_await connect("/listen");
    co_await socket.send_text("last words");
    co_await socket.close(4000, "tired");
    EXPECT_EQ(socket.close_code(), 4000);
    co_await socket.close();
  });
  EXPECT_EQ(log, (Log{"0s got last words", "0s closed 4000 tired"}));
}

TEST_F(WebSocketTest, TheServerSaysGoodbyeWhenTheHandlerReturns) {
  serve("/short", [](WebSocket& socket) -> Task<> { co_await socket.send_text("that is all"); });
  serve("/broken", [](WebSocket&) -> Task<> {
    throw std::runtime_error("a bug");
    co_return;
  });
  std::string address;
  with_server([&]() -> Task<> {
    address = server->address().to_string();
    WebSocket socket = co_await connect("/short");
    co_await listen(socket);
    socket = co_await connect("/broken");
    co_await listen(socket);
  });
  EXPECT_EQ(log, (Log{"0s got that is all", "0s closed 1000 ", "0s closed 1011 "}));
  EXPECT_EQ(reported, Log{"server " + address + ": GET /broken failed: a bug"});
}

TEST_F(WebSocketTest, AServerThatShutsDownSaysSo) {
  with_server([&]() -> Task<> {
    WebSocket socket = co_await connect("/echo");
    const TaskHandle<> listening = create_task(listen(socket));
    co_await server->shutdown(5s);
    co_await listening;
  });
  EXPECT_EQ(log, Log{"0s closed 1001 the server shuts down"});
}

TEST_F(WebSocketTest, BothMaySayGoodbyeAtOnce) {
  serve("/bye", [](WebSocket& socket) -> Task<> { co_await socket.close(3001); });
  with_server([&]() -> Task<> {
    WebSocket socket = co_await connect("/bye");
    co_await socket.close(3002);
    EXPECT_EQ(socket.close_code(), 3001);
    EXPECT_EQ(Clock::now(), start);
  });
}

TEST_F(WebSocketTest, APeerThatDoesNotAnswerOurGoodbyeIsCutOff) {
  serve("/short", [this](WebSocket& socket) -> Task<> {
    co_await socket.close();
    note("over");
  });
  with_server([&]() -> Task<> {
    Talk talk(server->address());
    std::string request = kHandshake;
    co_await talk.send(request.replace(0, 9, "GET /short"));
    co_await talk.head();
    EXPECT_EQ(co_await talk.receive(), "\x88\x02\x03\xe8(reset)");
  });
  EXPECT_EQ(log, Log{"10s over"});
}

TEST_F(WebSocketTest, AReceiverHearsOfAGoodbyeThatAnotherTaskSays) {
  with_server([&]() -> Task<> {
    WebSocket socket = co_await connect("/echo");
    const TaskHandle<> listening = create_task(listen(socket));
    co_await Yield();
    co_await socket.close(1000);
    co_await listening;
  });
  EXPECT_EQ(log, Log{"0s closed 1000 "});
}

// --- Peers that break the rules, or vanish ------------------------------------------------------

TEST_F(WebSocketTest, TellsAPeerWhichRuleItBroke) {
  serve("/listen", [this](WebSocket& socket) { return listen(socket); });
  settings.limits.message = 100;
  with_server([&]() -> Task<> {
    const std::vector<std::pair<std::string, std::string>> cases = {
        {"\xff", "\x88\x02\x03\xea"},
        {frame(Opcode::text, "\xff"), "\x88\x02\x03\xef"},
        {frame(Opcode::binary, std::string(101, 'x')) + std::string(1'000'000, 'y'),
         "\x88\x02\x03\xf1"},
        {"\x81\x01x", "\x88\x02\x03\xea"}};
    for (const auto& [bytes, close] : cases) {
      Talk talk(server->address());
      std::string request = kHandshake;
      co_await talk.send(request.replace(0, 9, "GET /listen") + bytes + "\x80"s);
      co_await talk.head();
      EXPECT_EQ(co_await talk.receive(), close);
      talk.close();
    }
  });
  EXPECT_EQ(log, (Log{"0s 1002 the peer broke the protocol: a frame has a reserved bit set",
                      "0s 1007 the peer broke the protocol: a text is not UTF-8",
                      "0s 1009 the peer broke the protocol: a message is longer than 100 bytes",
                      "0s 1002 the peer broke the protocol: a client's frame is not masked"}));
  EXPECT_EQ(reported, Log{});
}

TEST_F(WebSocketTest, FindsOutByPingsThatAPeerHasVanished) {
  serve("/listen", [this](WebSocket& socket) { return listen(socket); });
  with_server([&]() -> Task<> {
    Talk talk(server->address());
    std::string request = kHandshake;
    co_await talk.send(request.replace(0, 9, "GET /listen"));
    co_await talk.head();
    EXPECT_EQ(co_await talk.receive(), "\x89\x0cstill there?(reset)");
  });
  EXPECT_EQ(log, Log{"40s 1006 no answer to a ping within 20 s"});
}

TEST_F(WebSocketTest, APeerThatAnswersPingsStays) {
  with_server([&]() -> Task<> {
    WebSocket socket = co_await connect("/echo");
    auto quiet = [&]() -> Task<> { co_await listen(socket); };
    EXPECT_NE(co_await error_of([&] { return timeout(1h, quiet); }), "none");
    EXPECT_TRUE(co_await socket.send_text("still here"));
    EXPECT_EQ((co_await socket.receive())->data, "still here");
    co_await socket.close();
  });
  EXPECT_EQ(log, Log{});
}

TEST_F(WebSocketTest, ALostConnectionIsNoErrorOfTheServers) {
  serve("/listen", [this](WebSocket& socket) { return listen(socket); });
  with_server([&]() -> Task<> {
    for (const bool reset : {true, false}) {
      Talk talk(server->address());
      std::string request = kHandshake;
      co_await talk.send(reset ? request.replace(0, 9, "GET /listen") : kHandshake);
      co_await talk.head();
      if (reset)
        talk.reset();
      else
        talk.close();
      co_await sleep(1ms);
    }
    { WebSocket dropped = co_await connect("/listen"); }
    co_await sleep(1ms);
  });
  EXPECT_EQ(log, (Log{"0s 1006 the connection was lost: Connection reset by peer",
                      "0.002s 1006 the connection was lost"}));
  EXPECT_EQ(reported, Log{});
}

TEST_F(WebSocketTest, APingTellsHowFarAwayThePeerIs) {
  with_server([&]() -> Task<> {
    WebSocket socket = co_await connect("/echo");
    const TaskHandle<> listening = create_task(listen(socket));
    EXPECT_EQ(co_await socket.ping(), 0s);
    EXPECT_EQ(co_await socket.ping(), 0s);
    socket.start_close();
    co_await listening;
    EXPECT_NE(co_await error_of([&] { return socket.ping(); }), "none");
  });
}

// --- Slow readers -------------------------------------------------------------------------------

class SlowReaderTest : public WebSocketTest {
 public:
  // A handler that sends 64 KiB again and again, `times` times; the client reads nothing until
  // `read_after`, and then everything. Returns how many messages came.
  std::size_t messages(SlowReader what, int times, Duration read_after) {
    settings.slow_reader = what;
    settings.max_queued = 256 * 1024;
    serve("/flood", [this, times](WebSocket& socket) -> Task<> {
      const std::string data(64 * 1024, 'x');
      try {
        for (int i = 0; i < times; ++i) {
          co_await socket.send_binary(data);
          most_queued = std::max(most_queued, socket.queued());
        }
        note("sent, " + std::string(socket.dropped() != 0 ? "some" : "none") + " dropped");
      } catch (const WebSocketClosed& error) {
        note(std::string(error.what()).substr(0, 26));
      }
    });
    std::size_t count = 0;
    with_server([&]() -> Task<> {
      WebSocket socket = co_await connect("/flood");
      co_await sleep(read_after);
      try {
        while (co_await socket.receive()) ++count;
      } catch (const WebSocketClosed&) {
        note("lost");
      }
    });
    return count;
  }

  std::size_t most_queued = 0;
};

TEST_F(SlowReaderTest, MayBeWaitedFor) {
  EXPECT_EQ(messages(SlowReader::wait, 500, 7s), 500u);
  EXPECT_EQ(log, Log{"7s sent, none dropped"});
  EXPECT_LE(most_queued, 256u * 1024);
}

TEST_F(SlowReaderTest, MayMissMessages) {
  const std::size_t count = messages(SlowReader::drop, 500, 7s);
  EXPECT_LT(count, 500u);
  EXPECT_GT(count, 0u);
  EXPECT_EQ(log, Log{"0s sent, some dropped"});
  EXPECT_LE(most_queued, 256u * 1024);
}

TEST_F(SlowReaderTest, MayBeCutOff) {
  messages(SlowReader::disconnect, 500, 7s);
  EXPECT_EQ(log, (Log{"0s the peer reads too slowly:", "7s lost"}));
}

TEST_F(SlowReaderTest, IsCutOffByItsSilenceIfItNeverReads) {
  serve("/flood", [this](WebSocket& socket) -> Task<> {
    const std::string data(64 * 1024, 'x');
    try {
      for (;;) co_await socket.send_binary(data);
    } catch (const WebSocketClosed& error) {
      note(error.what());
    }
  });
  with_server([&]() -> Task<> {
    Talk talk(server->address());
    std::string request = kHandshake;
    co_await talk.send(request.replace(0, 9, "GET /flood"));
    co_await sleep(1min);
  });
  EXPECT_EQ(log, Log{"40s no answer to a ping within 20 s"});
}

TEST_F(SlowReaderTest, IsCutOffIfItSpeaksAndNeverReads) {
  with_server([&]() -> Task<> {
    WebSocketCall call;
    call.options.ping_interval = call.options.write_timeout = Duration::max();
    WebSocket socket = co_await connect("/echo", call);
    auto speak = [&]() -> Task<> {
      for (int i = 0; i < 30; ++i) co_await socket.send_binary(std::string(1'000'000, 'x'));
    };
    const TaskHandle<> sending = create_task(speak());
    co_await sleep(59s);
    EXPECT_EQ(server->connections(), 1u);
    co_await sleep(2s);
    EXPECT_EQ(server->connections(), 0u);
    EXPECT_NE(co_await error_of(sending), "none");
  });
  EXPECT_EQ(reported, Log{});
}

// --- Cancelling ---------------------------------------------------------------------------------

TEST_F(WebSocketTest, WhoeverIsCancelledLeavesTheStreamWhole) {
  settings.max_queued = 1000;
  std::size_t given_up = 0;
  serve("/flood", [&](WebSocket& socket) -> Task<> {
    for (int i = 0; i < 300; ++i) {
      try {
        co_await wait_for(socket.send_text(std::string(100'000, 'x')), 10ms);
      } catch (const TimedOut&) {
        ++given_up;
      }
    }
  });
  with_server([&]() -> Task<> {
    WebSocket socket = co_await connect("/flood");
    std::size_t count = 0;
    for (bool more = true; more;) {
      try {
        const auto message = co_await wait_for(socket.receive(), 1ms);
        more = message.has_value();
        if (!more) break;
        EXPECT_EQ(message->data.size(), 100'000u);
        ++count;
        if (count % 10 == 0) co_await sleep(100ms);
      } catch (const TimedOut&) {
      }
    }
    EXPECT_EQ(count + given_up, 300u);
  });
}

TEST_F(WebSocketTest, ACancelledHandlerCutsTheConnection) {
  with_server([&]() -> Task<> {
    WebSocket socket = co_await connect("/echo");
    server->cancel();
    co_await listen(socket);
  });
  EXPECT_EQ(log.size(), 1u);
}

// --- The handshake ------------------------------------------------------------------------------

TEST_F(WebSocketTest, RefusesPagesOfOtherHostsAndSaysWhatItTakes) {
  with_server([&]() -> Task<> {
    WebSocketCall call;
    call.headers.add("Origin", "http://evil.example");
    EXPECT_EQ(co_await error_of([&] { return connect("/echo", std::move(call)); }),
              "get " + server->url("/echo") + ": the server answers 403 and opens no WebSocket");
    const std::string plain = co_await ask(get("/echo", "Connection: close\r\n"));
    EXPECT_TRUE(plain.starts_with("HTTP/1.1 426 ")) << plain;
    EXPECT_NE(plain.find("Sec-WebSocket-Version: 13"), std::string::npos);
    EXPECT_EQ(co_await error_of([&] { return connect("/nowhere"); }),
              "get " + server->url("/nowhere") + ": the server answers 404 and opens no WebSocket");
  });
}

TEST_F(WebSocketTest, AgreesOnASubprotocol) {
  acceptance.subprotocols = {"v2", "v1"};
  with_server([&]() -> Task<> {
    WebSocketCall call;
    call.subprotocols = {"v1", "v2"};
    WebSocket socket = co_await connect("/echo", call);
    EXPECT_EQ(socket.subprotocol(), "v2");
    co_await socket.close();
  });
}

TEST_F(WebSocketTest, AServerThatNeverAnswersTheHandshakeIsGivenUp) {
  router.get("/never", [](Request&) -> Task<Response> {
    co_await sleep(1h);
    co_return Response(404);
  });
  with_server([&]() -> Task<> {
    EXPECT_EQ(co_await error_of([&] { return connect("/never"); }),
              "get " + server->url("/never") + ": no WebSocket within 10 s");
  });
}

// --- Debian's python3-websockets ----------------------------------------------------------------

bool have_websockets() {
  static const bool have =
      simul::testing::run_program({"/usr/bin/python3", "-c", "import websockets"}).status == 0;
  return have;
}

constexpr const char* kClient = R"(
import asyncio, sys, websockets
async def main():
    async with websockets.connect(sys.argv[1], compression=None, max_size=2**21) as ws:
        for m in ['', 'grüß €😀', 'x' * 126, 'y' * 65536, b'\x00\xff' * 500000]:
            await ws.send(m)
            assert await ws.recv() == m
        await ws.send(['frag', 'men', 'ted'])
        assert await ws.recv() == 'fragmented'
        await (await ws.ping())
        await ws.close(4001, 'done')
        print(ws.close_code)
    try:
        async with websockets.connect(sys.argv[1], compression=None) as ws:
            await ws.send('z' * (2**20 + 1025))
            await ws.recv()
    except websockets.ConnectionClosed as e:
        print(ws.close_code)
asyncio.run(main())
)";

constexpr const char* kServer = R"(
import asyncio, websockets
async def handler(ws, path=None):
    async for m in ws:
        if m == 'bye': await ws.close(4002, 'as you wish'); return
        if m == 'ping': await (await ws.ping()); m = 'ponged'
        await ws.send(m)
async def main():
    async with websockets.serve(handler, '127.0.0.1', 0, max_size=2**21) as server:
        print(server.sockets[0].getsockname()[1], flush=True)
        await asyncio.Future()
asyncio.run(main())
)";

TEST(WebSocketPeers, OurServerServesPythonsClient) {
  if (!have_websockets()) GTEST_SKIP() << "python3-websockets is not installed";
  std::promise<std::pair<std::string, Remote>> started;
  std::future<std::pair<std::string, Remote>> ready = started.get_future();
  std::thread thread([&] {
    Reactor reactor;
    Router router;
    router.get("/echo",
               [](Request& request) -> Task<Response> { co_return websocket(request, echo); });
    Server server(std::move(router));
    started.set_value({"ws" + server.url("/echo").substr(4), reactor.remote()});
    reactor.run_forever();
  });
  auto [url, remote] = ready.get();
  const auto result = simul::testing::run_program({"/usr/bin/python3", "-c", kClient, url});
  remote.call_soon_threadsafe([] { Reactor::current().stop(); });
  thread.join();
  EXPECT_EQ(result.out, "4001\n1009\n") << result.err;
}

TEST(WebSocketPeers, OurClientTalksToPythonsServer) {
  if (!have_websockets()) GTEST_SKIP() << "python3-websockets is not installed";
  simul::testing::Child python({"/usr/bin/python3", "-c", kServer});
  std::string port;
  for (char c = 0; ::read(python.out.get(), &c, 1) == 1 && c != '\n';) port += c;
  Reactor loop;
  auto main = [&]() -> Task<> {
    WebSocket socket = co_await connect_websocket("ws://127.0.0.1:" + port + "/");
    for (const std::string& text : {""s, "gr\xc3\xbc\xc3\x9f"s, std::string(1'000'000, 'x')}) {
      co_await socket.send_text(text);
      EXPECT_EQ((co_await socket.receive())->data, text);
    }
    co_await socket.send_text("ping");
    EXPECT_EQ((co_await socket.receive())->data, "ponged");
    co_await socket.send_text("bye");
    EXPECT_FALSE(co_await socket.receive());
    EXPECT_EQ(socket.close_code(), 4002);
    EXPECT_EQ(socket.close_reason(), "as you wish");
    socket = co_await connect_websocket("ws://127.0.0.1:" + port + "/");
    co_await socket.close(1001, "bye");
    EXPECT_EQ(socket.close_code(), 1001);
  };
  run(main());
}

}  // namespace
}  // namespace simul::web
