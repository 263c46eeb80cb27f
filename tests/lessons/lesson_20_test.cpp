// Lesson 20 from the inside, in virtual time (the channel, and every endpoint with our own client
// and with raw sockets), and from the outside as a reader runs it: the script, the server before
// curl and Python's WebSockets, and its end.
#include <gtest/gtest.h>
#include <signal.h>
#include <unistd.h>

#include <chrono>
#include <filesystem>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "lessons/20-push-server/channel.hpp"
#include "lessons/20-push-server/push_server.hpp"
#include "runtime/http/websocket_frame.hpp"
#include "runtime/task/timeout.hpp"
#include "tests/support/lessons.hpp"
#include "tests/support/temp_dir.hpp"
#include "tests/web/server_fixture.hpp"

namespace simul {
namespace {

using namespace std::chrono_literals;
using namespace std::string_literals;
using push::Channel;
using testing::Child;
using testing::contents;
using testing::program;
using testing::run;
using testing::run_program;
using testing::RunResult;
using web::get;
using web::Talk;

const std::string kName = "20-push-server";

// --- The channel --------------------------------------------------------------------------------

using Lesson20Channel = TaskFixture;

TEST_F(Lesson20Channel, NumbersItsMessagesAndTellsWhatComesAfterWhich) {
  Channel channel("chat");
  EXPECT_EQ(channel.last(), 0u);
  EXPECT_EQ(channel.after(0), nullptr);
  EXPECT_EQ(channel.post("one", true), 1u);
  EXPECT_EQ(channel.post("t\nwo \"\xE2\x82\xAC\"", true), 2u);
  EXPECT_EQ(channel.post("\xFF\0"s, false), 3u);
  EXPECT_EQ(channel.after(0)->event, "id: chat.1\ndata: {\"id\":\"chat.1\",\"text\":\"one\"}\n\n");
  EXPECT_EQ(channel.after(1)->json, "{\"id\":\"chat.2\",\"text\":\"t\\nwo \\\"\xE2\x82\xAC\\\"\"}");
  EXPECT_EQ(channel.after(2)->json, R"({"id":"chat.3","binary":"/wA="})");
  EXPECT_EQ(channel.after(3), nullptr);
  EXPECT_EQ(channel.after(1'000), nullptr);
  EXPECT_THROW(channel.post("\xFF", true), json::InvalidValue);
  EXPECT_EQ(channel.last(), 3u) << "what could not be posted has no number";
}

TEST_F(Lesson20Channel, KeepsTheLastSoManyAndTheNewestInAnyCase) {
  Channel few("chat", {.messages = 3, .bytes = 1'000'000});
  for (int i = 1; i <= 5; ++i) few.post(std::to_string(i), true);
  EXPECT_EQ(few.after(0)->number, 3u);
  EXPECT_EQ(few.after(3)->number, 4u);
  EXPECT_EQ(few.after(4)->number, 5u);

  Channel small("chat", {.messages = 100, .bytes = 250});
  for (int i = 1; i <= 5; ++i) small.post(std::string(50, 'x'), true);
  EXPECT_EQ(small.after(0)->number, 4u);
  const push::PostRef held = small.after(0);
  small.post(std::string(1'000, 'y'), true);
  EXPECT_EQ(small.after(0)->number, 6u);
  EXPECT_EQ(held->number, 4u) << "who reads it still has it";
}

TEST_F(Lesson20Channel, WhoComesFromAnotherChannelHasHadNothing) {
  Channel channel("a1");
  for (int i = 0; i < 3; ++i) channel.post("x", true);
  EXPECT_EQ(channel.number_of("2"), 2u);
  EXPECT_EQ(channel.number_of("a1.2"), 2u);
  EXPECT_EQ(channel.number_of("a1.3"), 3u);
  for (const char* other :
       {"b1.2", "a1.4", "4", "", "a1.", ".2", "x", "-1", "2x", "a1.a1.2", "99999999999999999999"})
    EXPECT_EQ(channel.number_of(other), 0u) << other;
}

TEST_F(Lesson20Channel, ReadersWaitForNewsAndListenersAreToldAtOnceButNotTheSender) {
  Channel channel("chat");
  auto read = [&](Duration patience) -> Task<> {
    const bool news = co_await channel.news(channel.last(), after(Clock::now(), patience));
    note(news ? "news" : "none");
  };
  auto main = [&]() -> Task<> {
    std::vector<std::string> ann, ben;
    {
      Channel::Listener one(channel, [&](std::string_view data, bool) { ann.emplace_back(data); });
      Channel::Listener two(channel, [&](std::string_view data, bool) { ben.emplace_back(data); });
      const TaskHandle<> early = create_task(read(1s)), late = create_task(read(10s));
      co_await sleep(2s);
      channel.post("from one", true, &one);
      EXPECT_EQ(ann, Log{});
      EXPECT_EQ(ben, Log{"from one"});
      co_await early;
      co_await late;
    }
    channel.post("nobody listens", true);
    EXPECT_EQ(ben.size(), 1u);
    const TaskHandle<> last = create_task(read(10s));
    co_await sleep(1s);
    channel.close();
    co_await last;
    co_await read(10s);
  };
  simul::run(main());
  EXPECT_EQ(log, (Log{"1s none", "2s news", "3s news", "3s news"}));
}

// --- The endpoints ------------------------------------------------------------------------------

class Lesson20Server : public web::ServerFixture {
 public:
  // On a channel named "chat", with whatever `settings` and `history` say by then.
  template <class Body>
  void serve(Body body) {
    channel.emplace("chat", history);
    push.emplace(*channel, settings);
    router = push->routes();
    options.limits.body = push::server_options(0).limits.body;
    auto first = [&]() -> Task<> {
      co_await body();
      channel->close();
    };
    with_server(first);
  }

  // While it waits for what is under way, virtual time does not go on: a megabyte takes its time.
  Task<web::WebSocket> connect(std::string path, web::WebSocketCall call = {}) {
    call.peer = Peer::outside;
    co_return co_await web::connect_websocket("ws" + server->url(path).substr(4), std::move(call));
  }

  // Status line and body of the answer to one request.
  Task<std::string> answer_to(std::string request) {
    Talk talk(server->address());
    co_await talk.send(std::move(request));
    co_return co_await talk.answer();
  }

  static std::string post(std::string_view body, std::string_view fields = "") {
    return "POST /poll HTTP/1.1\r\nHost: a\r\n" + std::string(fields) +
           "Content-Length: " + std::to_string(body.size()) + "\r\n\r\n" + std::string(body);
  }

  // The next message, or how the connection ended.
  static Task<std::string> next(web::WebSocket& socket) {
    try {
      const std::optional<web::Message> message = co_await socket.receive();
      if (!message) co_return "closed " + std::to_string(socket.close_code());
      co_return (message->text ? "" : "bytes ") + message->data;
    } catch (const web::WebSocketClosed& error) {
      co_return "lost " + std::to_string(error.code());
    }
  }

  push::Settings settings;
  push::History history;
  std::optional<Channel> channel;
  std::optional<push::PushServer> push;
};

TEST_F(Lesson20Server, APollWaitsForWhatIsNewer) {
  serve([&]() -> Task<> {
    auto ask = [&](std::string query) -> Task<> { note(co_await answer_to(get("/poll" + query))); };
    const TaskHandle<> all = create_task(ask(""));
    co_await sleep(3s);
    EXPECT_EQ(co_await answer_to(post("hello")), "HTTP/1.1 200 OK|{\"id\":\"chat.1\"}\n");
    co_await all;
    co_await ask("?after=0");
    const TaskHandle<> newer = create_task(ask("?x=1&after=chat.1"));
    co_await sleep(4s);
    channel->post("you", true);
    co_await newer;
    co_await ask("?after=chat.0");
    co_await ask("?after=older.2");
  });
  EXPECT_EQ(
      log,
      (Log{
          R"(3s HTTP/1.1 200 OK|{"last":"chat.1","messages":[{"id":"chat.1","text":"hello"}]})"
          "\n",
          R"(3s HTTP/1.1 200 OK|{"last":"chat.1","messages":[{"id":"chat.1","text":"hello"}]})"
          "\n",
          R"(7s HTTP/1.1 200 OK|{"last":"chat.2","messages":[{"id":"chat.2","text":"you"}]})"
          "\n",
          R"(7s HTTP/1.1 200 OK|{"last":"chat.2","messages":[{"id":"chat.1","text":"hello"},{"id":"chat.2","text":"you"}]})"
          "\n",
          R"(7s HTTP/1.1 200 OK|{"last":"chat.2","messages":[{"id":"chat.1","text":"hello"},{"id":"chat.2","text":"you"}]})"
          "\n"}));
}

TEST_F(Lesson20Server, APollIsAnsweredWithNothingWhenItsTimeIsOver) {
  serve([&]() -> Task<> {
    for (const char* query : {"", "?wait=3", "?wait=0", "?wait=1000"})
      note(co_await answer_to(get("/poll"s + query)));
    for (const char* query : {"?wait=", "?wait=-1", "?wait=1s", "?wait=99999999999"})
      EXPECT_EQ((co_await answer_to(get("/poll"s + query))).substr(0, 12), "HTTP/1.1 400") << query;
  });
  const std::string empty = " HTTP/1.1 200 OK|{\"last\":\"chat.0\",\"messages\":[]}\n";
  EXPECT_EQ(log, (Log{"25s" + empty, "28s" + empty, "28s" + empty, "53s" + empty}));
}

TEST_F(Lesson20Server, WhoIsFarBehindPollsOften) {
  serve([&]() -> Task<> {
    for (int i = 0; i < 5; ++i) channel->post(std::string(30'000, 'x'), true);
    channel->post(std::string(200'000, 'x'), true);
    std::vector<std::size_t> sizes;
    std::string last;
    do {
      const std::string answer = co_await answer_to(get("/poll?wait=0&after=" + last));
      const json::Value news = json::parse(answer.substr(answer.find('|') + 1));
      last = news["last"].as_string();
      sizes.push_back(news["messages"].size());
    } while (sizes.back() != 0);
    EXPECT_EQ(sizes, (std::vector<std::size_t>{2, 2, 1, 1, 0}));
  });
}

TEST_F(Lesson20Server, APostIsTextOrBytesAndOfALimitedSize) {
  serve([&]() -> Task<> {
    EXPECT_EQ(co_await answer_to(post("\xFF\xFE", "Content-Type: application/octet-stream\r\n")),
              "HTTP/1.1 200 OK|{\"id\":\"chat.1\"}\n");
    EXPECT_EQ((co_await answer_to(post("\xFF\xFE"))).substr(0, 12), "HTTP/1.1 400");
    EXPECT_EQ(co_await answer_to(post("")), "HTTP/1.1 200 OK|{\"id\":\"chat.2\"}\n");
    EXPECT_EQ(co_await answer_to(post(std::string(1024 * 1024 + 1024, 'x'))),
              "HTTP/1.1 200 OK|{\"id\":\"chat.3\"}\n");
    EXPECT_EQ((co_await answer_to(post(std::string(1024 * 1024 + 1025, 'x')))).substr(0, 12),
              "HTTP/1.1 413");
    EXPECT_EQ(channel->last(), 3u);
  });
}

TEST_F(Lesson20Server, PagesOfOthersMayNeitherPostNorConnect) {
  serve([&]() -> Task<> {
    for (const char* origin : {"http://evil.example", "null", "http://a.evil", "http://"})
      EXPECT_EQ((co_await answer_to(post("x", "Origin: "s + origin + "\r\n"))).substr(0, 12),
                "HTTP/1.1 403")
          << origin;
    EXPECT_EQ((co_await answer_to(post("x", "Origin: http://A\r\n"))).substr(0, 12),
              "HTTP/1.1 200");
    for (const char* path : {"/chat", "/chat?after=0", "/echo"}) {
      web::WebSocketCall call;
      call.headers.add("Origin", "http://evil.example");
      EXPECT_NE((co_await error_of([&] { return connect(path, call); })).find("403"),
                std::string::npos);
    }
    EXPECT_EQ(channel->last(), 1u);
  });
}

TEST_F(Lesson20Server, EventsComeWithTheirIdsAndSignsOfLifeBetweenThem) {
  serve([&]() -> Task<> {
    channel->post("one", true);
    Talk talk(server->address());
    co_await talk.send(get("/events"));
    const std::string head = co_await talk.head();
    EXPECT_NE(head.find("\r\nContent-Type: text/event-stream\r\n"), head.npos) << head;
    EXPECT_NE(head.find("\r\nCache-Control: no-store\r\n"), head.npos) << head;
    const auto chunk = [](const std::string& text) {
      char size[16];
      std::snprintf(size, sizeof size, "%zx\r\n", text.size());
      return size + text + "\r\n";
    };
    const auto event = [&](const std::string& id, const std::string& text) {
      return chunk("id: " + id + "\ndata: {\"id\":\"" + id + "\",\"text\":\"" + text + "\"}\n\n");
    };
    const auto expect = [&](std::string bytes) -> Task<> {
      EXPECT_EQ(co_await talk.receive(bytes.size()), bytes);
    };
    const std::string hello = chunk("retry: 1000\n\n") + event("chat.1", "one");
    const std::string got = co_await talk.receive(hello.size());
    EXPECT_EQ(got, hello);
    channel->post("two", true);
    co_await expect(event("chat.2", "two"));
    note("two");
    co_await expect(chunk(": still here\n\n"));
    note("a sign of life");
    co_await sleep(10s);
    channel->post("three", true);
    co_await expect(event("chat.3", "three"));
    co_await expect(chunk(": still here\n\n"));
    note("another one");

    Talk again(server->address());
    co_await again.send(get("/events", "Last-Event-ID: chat.2\r\n"));
    (void)co_await again.head();
    const std::string rest = chunk("retry: 1000\n\n") + event("chat.3", "three");
    EXPECT_EQ(co_await again.receive(rest.size()), rest);
    channel->close();
    EXPECT_EQ(co_await again.receive(), "0\r\n\r\n") << "an answer that is whole";
  });
  EXPECT_EQ(log, (Log{"0s two", "15s a sign of life", "40s another one"}));
}

TEST_F(Lesson20Server, WhatOneSendsByChatGoesToAllOthersUntouched) {
  serve([&]() -> Task<> {
    web::WebSocket ann = co_await connect("/chat"), ben = co_await connect("/chat"),
                   cid = co_await connect("/chat");
    while (push->listening() < 3) co_await sleep(1ms);
    const std::string large(1024 * 1024 + 1024, 'x');
    for (const std::string& text : {"hello"s, ""s, "{\"a\":1}"s, "gr\xC3\xBC\xC3\x9F\n"s, large}) {
      co_await ann.send_text(text);
      EXPECT_TRUE(co_await next(ben) == text);
      EXPECT_TRUE(co_await next(cid) == text);
    }
    co_await ben.send_binary("\0\xFF"s);
    EXPECT_EQ(co_await next(ann), "bytes \0\xFF"s) << "and its own messages have not come to Ann";
    EXPECT_EQ(co_await next(cid), "bytes \0\xFF"s);
    co_await cid.close();
    co_await ann.send_text("are you there?");
    EXPECT_EQ(co_await next(ben), "are you there?");
    EXPECT_EQ(push->listening(), 2u);
  });
}

TEST_F(Lesson20Server, WhatIsSentByOneWayIsHeardByAll) {
  serve([&]() -> Task<> {
    web::WebSocket plain = co_await connect("/chat");
    web::WebSocket reader = co_await connect("/chat?after=0");
    while (push->listening() < 1) co_await sleep(1ms);
    co_await plain.send_text("by chat");
    EXPECT_EQ(co_await next(reader), R"({"id":"chat.1","text":"by chat"})");
    co_await reader.send_text("by the other chat");
    EXPECT_EQ(co_await next(plain), "by the other chat");
    EXPECT_EQ(co_await next(reader), R"({"id":"chat.2","text":"by the other chat"})");
    co_await answer_to(post("by post"));
    EXPECT_EQ(co_await next(plain), "by post");
    EXPECT_EQ(co_await next(reader), R"({"id":"chat.3","text":"by post"})");
    co_await reader.send_binary("\x01");
    EXPECT_EQ(co_await next(plain), "bytes \x01");
    EXPECT_EQ(co_await next(reader), R"({"id":"chat.4","binary":"AQ=="})");
    EXPECT_EQ(co_await answer_to(get("/poll?after=2")),
              "HTTP/1.1 200 OK|{\"last\":\"chat.4\",\"messages\":[{\"id\":\"chat.3\",\"text\":\"by "
              "post\"},{\"id\":\"chat.4\",\"binary\":\"AQ==\"}]}\n");
    web::WebSocket late = co_await connect("/chat?after=chat.3");
    EXPECT_EQ(co_await next(late), R"({"id":"chat.4","binary":"AQ=="})");
  });
}

TEST_F(Lesson20Server, AMessageThatIsTooLongEndsTheConnectionWith1009) {
  serve([&]() -> Task<> {
    for (const char* path : {"/chat", "/chat?after=0", "/echo"}) {
      web::WebSocket socket = co_await connect(path);
      co_await socket.send_text(std::string(1024 * 1024 + 1025, 'x'));
      EXPECT_EQ(co_await next(socket), "closed 1009") << path;
    }
    EXPECT_EQ(channel->last(), 0u);
  });
}

TEST_F(Lesson20Server, EchoSendsEachMessageBack) {
  serve([&]() -> Task<> {
    web::WebSocket socket = co_await connect("/echo");
    for (const std::size_t size : {0u, 5u, 126u, 65536u, 1049600u}) {
      const std::string data(size, 'x');
      co_await socket.send_text(data);
      EXPECT_TRUE(co_await next(socket) == data);
      co_await socket.send_binary(data);
      EXPECT_TRUE(co_await next(socket) == "bytes " + data);
    }
    EXPECT_EQ(channel->last(), 0u);
  });
}

TEST_F(Lesson20Server, OneWhoVanishesIsNoticedByHisSilence) {
  serve([&]() -> Task<> {
    std::vector<Talk> gone;
    gone.reserve(3);
    for (const char* path : {"/chat", "/chat?after=0", "/echo"}) {
      gone.emplace_back(server->address());
      co_await gone.back().send(get(path,
                                    "Upgrade: websocket\r\nConnection: Upgrade\r\n"
                                    "Sec-WebSocket-Version: 13\r\n"
                                    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"));
      (void)co_await gone.back().head();
    }
    co_await sleep(29s);
    EXPECT_EQ(server->connections(), 3u);
    co_await sleep(2s);
    EXPECT_EQ(server->connections(), 0u) << "15 s of silence, a ping, and 15 s more";
    EXPECT_EQ(push->listening(), 0u);
  });
}

// Eve never reads. Ann sends as fast as Ben reads.
class Lesson20SlowReader : public Lesson20Server {
 public:
  void play() {
    settings.max_queued = 256 * 1024;
    serve([&]() -> Task<> {
      web::WebSocket ann = co_await connect("/chat"), ben = co_await connect("/chat?after=0"),
                     eve = co_await connect("/chat");
      while (push->listening() < 2) co_await sleep(1ms);
      const std::string text(200'000, 'x');
      int sent = 0;
      for (; sent < 100 && push->listening() == 2; ++sent) {
        co_await ann.send_text(text);
        EXPECT_GT((co_await next(ben)).size(), text.size());
      }
      note(push->listening() == 2 ? "she is still there" : "she is cut off");
      int heard = 0;
      std::string line;
      while ((line = co_await next(eve)) == text) {
        ++heard;
        co_await ann.send_text("Eve?");  // as soon as there is room for it, she gets it
        co_await next(ben);
      }
      note(line);
      EXPECT_LT(heard, sent);
    });
  }
};

TEST_F(Lesson20SlowReader, IsCutOff) {
  play();
  EXPECT_EQ(log, (Log{"0s she is cut off", "0s lost 1006"}));
}

TEST_F(Lesson20SlowReader, OrMissesMessages) {
  settings.slow_reader = web::SlowReader::drop;
  play();
  EXPECT_EQ(log, (Log{"0s she is still there", "0s Eve?"}));
}

TEST_F(Lesson20Server, ASlowReaderOfTheHistoryMissesWhatIsForgottenAndCanTell) {
  history.messages = 5;
  serve([&]() -> Task<> {
    web::WebSocket slow = co_await connect("/chat?after=0");
    Talk stream(server->address());
    co_await stream.send(get("/events"));
    const std::string text(1'000'000, 'x');
    for (int i = 0; i < 40; ++i) {
      channel->post(text, true);
      co_await sleep(1ms);
    }
    channel->post("the end", true);
    std::size_t heard = 0;
    std::string line;
    do line = co_await next(slow), ++heard;
    while (line.find("the end") == line.npos);
    EXPECT_LT(heard, 41u) << "it was not there to be sent";
    EXPECT_EQ(line, R"({"id":"chat.41","text":"the end"})");
  });
}

TEST_F(Lesson20Server, AtTheEndEverybodyIsAnswered) {
  serve([&]() -> Task<> {
    web::WebSocket plain = co_await connect("/chat"), reader = co_await connect("/chat?after=0"),
                   echo = co_await connect("/echo");
    Talk poll(server->address()), stream(server->address());
    co_await poll.send(get("/poll"));
    co_await stream.send(get("/events"));
    (void)co_await stream.head();
    co_await sleep(1s);
    channel->close();
    auto shutdown = [&]() -> Task<> { co_await server->shutdown(5s); };
    const TaskHandle<> ending = create_task(shutdown());
    for (web::WebSocket* socket : {&plain, &reader, &echo})
      EXPECT_EQ(co_await next(*socket), "closed 1001");
    EXPECT_EQ(co_await poll.answer(), "HTTP/1.1 200 OK|{\"last\":\"chat.0\",\"messages\":[]}\n");
    EXPECT_EQ(co_await stream.receive(), "d\r\nretry: 1000\n\n\r\n0\r\n\r\n");
    co_await ending;
    note("over");
  });
  EXPECT_EQ(log, Log{"1s over"});
}

TEST_F(Lesson20Server, ThePageAllowsOnlyItself) {
  serve([&]() -> Task<> {
    std::vector<std::string> nonces;
    for (int i = 0; i < 2; ++i) {
      const std::string page = co_await ask(get("/", "Connection: close\r\n"));
      const std::size_t at = page.find("script-src 'nonce-");
      EXPECT_NE(at, page.npos) << page.substr(0, 1000);
      const std::string nonce = page.substr(at + 18, 24);
      EXPECT_NE(page.find("Content-Security-Policy: default-src 'none'; "), page.npos);
      EXPECT_NE(page.find("<script nonce=\"" + nonce + "\">"), page.npos);
      EXPECT_NE(page.find("<style nonce=\"" + nonce + "\">"), page.npos);
      EXPECT_EQ(page.find("{nonce}"), page.npos);
      EXPECT_TRUE(page.ends_with("</html>\n"));
      nonces.push_back(nonce);
    }
    EXPECT_NE(nonces[0], nonces[1]);
  });
  EXPECT_EQ(std::string(push::kChatPage).find("innerHTML"), std::string::npos);
}

TEST_F(Lesson20Server, KnowsNoOtherPathsAndMethods) {
  serve([&]() -> Task<> {
    EXPECT_EQ((co_await answer_to(get("/nowhere"))).substr(0, 12), "HTTP/1.1 404");
    EXPECT_EQ((co_await answer_to("DELETE /poll HTTP/1.1\r\nHost: a\r\n\r\n")).substr(0, 12),
              "HTTP/1.1 405");
    EXPECT_EQ((co_await answer_to(get("/chat"))).substr(0, 12), "HTTP/1.1 426");
    EXPECT_EQ((co_await answer_to(get("/echo"))).substr(0, 12), "HTTP/1.1 426");
  });
}

// --- As a reader runs it ------------------------------------------------------------------------

// The program as a server, at a port of the system's choice.
class Served {
 public:
  explicit Served(std::vector<std::string> flags = {}, std::string binary = program(kName))
      : child(command(std::move(binary), std::move(flags))) {
    char byte = 0;
    while (::read(child.out.get(), &byte, 1) == 1 && byte != '\n') url += byte;
  }
  std::string ws(const std::string& path) const { return "ws" + url.substr(4) + path; }

  std::string url;  // ends with a slash
  Child child;

 private:
  static std::vector<std::string> command(std::string binary, std::vector<std::string> flags) {
    flags.insert(flags.begin(), {std::move(binary), "--port", "0"});
    return flags;
  }
};

std::string line_of(const UniqueFd& end) {
  std::string line;
  for (char byte = 0; ::read(end.get(), &byte, 1) == 1 && byte != '\n';) line += byte;
  return line;
}

bool have(const std::vector<std::string>& command) {
  try {
    return run_program(command).status == 0;
  } catch (const std::exception&) {
    return false;
  }
}

TEST(Lesson20, PlaysTheSameChatInEveryRun) {
  for (int i = 0; i < 2; ++i)
    testing::expect_output(run(kName), contents("lessons/" + kName + "/expected.txt"));
  testing::expect_readme_quotes_output(kName);
}

TEST(Lesson20, TheBinaryHasItsPageWithIt) {
  const testing::TempDir folder;
  const std::filesystem::path copy = folder / "elsewhere";
  std::filesystem::copy_file(program(kName), copy);
  const Served server({}, copy.string());
  if (!have({"curl", "--version"})) GTEST_SKIP() << "curl is not installed";
  const RunResult page = run_program({"curl", "-s", "-i", server.url});
  EXPECT_NE(page.out.find("<title>simul chat</title>"), std::string::npos) << page.out;
}

TEST(Lesson20, CurlPollsPostsAndReadsEvents) {
  if (!have({"curl", "--version"})) GTEST_SKIP() << "curl is not installed";
  const Served server({"--heartbeat", "0.05", "--poll-timeout", "0.05"});
  const auto curl = [&](std::vector<std::string> flags) {
    flags.insert(flags.begin(), {"curl", "-sS", "--max-time", "20"});
    return run_program(flags);
  };
  const std::string poll = server.url + "poll";
  const RunResult empty = curl({poll});
  EXPECT_NE(empty.out.find(".0\",\"messages\":[]}"), std::string::npos) << empty.out << empty.err;
  EXPECT_NE(curl({"-d", "hello from curl", poll}).out.find(".1\"}"), std::string::npos);
  EXPECT_NE(curl({poll + "?after=0"}).out.find("hello from curl"), std::string::npos);

  Child stream({"curl", "-sSN", server.url + "events"});
  EXPECT_EQ(line_of(stream.out), "retry: 1000");
  EXPECT_EQ(line_of(stream.out), "");
  const std::string id = line_of(stream.out);
  EXPECT_TRUE(id.starts_with("id: ") && id.ends_with(".1")) << id;
  EXPECT_NE(line_of(stream.out).find("\"text\":\"hello from curl\""), std::string::npos);
  EXPECT_EQ(line_of(stream.out), "");
  EXPECT_EQ(line_of(stream.out), ": still here");
  curl({"-d", "again", poll});
  std::string line;
  do line = line_of(stream.out);
  while (line == "" || line == ": still here");
  EXPECT_TRUE(line.starts_with("id: ") && line.ends_with(".2")) << line;
  EXPECT_EQ(::kill(server.child.pid(), SIGTERM), 0);
  EXPECT_EQ(stream.wait(), 0) << "the stream came to its end, and was not cut";

  const RunResult gone = curl({poll});
  EXPECT_EQ(gone.status, 7) << "nobody listens there any more";
}

TEST(Lesson20, CurlIsToldWhenItSendsTooMuch) {
  if (!have({"curl", "--version"})) GTEST_SKIP() << "curl is not installed";
  const Served server;
  const testing::TempDir folder;
  for (const auto& [extra, status] : {std::pair{0, "200"}, {1, "413"}}) {
    const auto body = folder.write("body", std::string(1024 * 1024 + 1024 + extra, 'x'));
    const RunResult result =
        run_program({"curl", "-sS", "-o", "/dev/null", "-w", "%{http_code}", "--data-binary",
                     "@" + body.string(), server.url + "poll"});
    EXPECT_EQ(result.out, status) << result.err;
  }
}

constexpr const char* kPython = R"(
import asyncio, sys, urllib.request, websockets
chat, echo, poll = sys.argv[1:4]
def connect(url): return websockets.connect(url, compression=None, max_size=2**22)
async def main():
    async with connect(echo) as ws:
        for m in ['hello', 'grüß €😀', b'\x00\xff' * 500000, 'x' * (2**20 + 1024)]:
            await ws.send(m)
            assert await ws.recv() == m
    async with connect(chat) as ann, connect(chat) as ben, connect(chat + '?after=0') as cid:
        await asyncio.gather(*[await ws.ping() for ws in (ann, ben, cid)])
        for m in ['hello', b'\x00\xff', 'x' * (2**20 + 1024), ['frag', 'mented']]:
            await ann.send(m)
            assert await ben.recv() == (m if not isinstance(m, list) else 'fragmented')
        for number in range(1, 5):
            assert '.%d"' % number in (await cid.recv())[:40]
        urllib.request.urlopen(poll, data='posted'.encode())
        assert await ann.recv() == 'posted' and await ben.recv() == 'posted'
        await ben.send('x' * (2**20 + 1025))
        try: await ben.recv()
        except websockets.ConnectionClosed: print(ben.close_code)
        assert 'posted' in await cid.recv()
        print('ready', flush=True)
        try: await asyncio.wait_for(ann.recv(), 20)
        except websockets.ConnectionClosed: print(ann.close_code)
asyncio.run(main())
)";

TEST(Lesson20, PythonsWebSocketsChatAndHearTheGoodbye) {
  if (!have({"/usr/bin/python3", "-c", "import websockets"}))
    GTEST_SKIP() << "python3-websockets is not installed";
  Served server;
  Child python({"/usr/bin/python3", "-c", kPython, server.ws("chat"), server.ws("echo"),
                server.url + "poll"});
  EXPECT_EQ(line_of(python.out), "1009");
  EXPECT_EQ(line_of(python.out), "ready");
  EXPECT_EQ(::kill(server.child.pid(), SIGINT), 0);
  EXPECT_EQ(line_of(python.out), "1001");
  const std::string complaint = line_of(python.err);
  EXPECT_EQ(complaint, "");
  EXPECT_EQ(python.wait(), 0);
  EXPECT_EQ(server.child.wait(), 0) << "Ctrl-C is the end of its work, and no failure";
}

TEST(Lesson20, APortThatIsTakenIsAnError) {
  const Served server;
  std::string port = server.url.substr(server.url.rfind(':') + 1);
  port.pop_back();
  const RunResult second = run(kName, {"--port", port});
  EXPECT_EQ(second.status, 1);
  EXPECT_EQ(second.out, "");
  EXPECT_EQ(second.err, kName + ": listen 127.0.0.1:" + port + ": Address already in use\n");
}

TEST(Lesson20, HelpGoesToStdoutAndNonsenseIsRefused) {
  const RunResult help = run(kName, {"--help"});
  EXPECT_TRUE(help.out.starts_with("usage: " + kName)) << help.out;
  EXPECT_NE(help.out.find("--port P"), std::string::npos);
  for (const std::vector<std::string>& wrong :
       {std::vector<std::string>{"--port", "65536"}, {"--port"}, {"--virtual-time"}, {"x"}})
    EXPECT_EQ(run(kName, wrong).status, 2) << wrong[0];
}

TEST(Lesson20, TheMiniatureShakesHandsAsTheRfcDoes) {
  const RunResult result = run(kName + ".miniature");
  EXPECT_EQ(result.status, 0);
  EXPECT_EQ(result.err, "");
  EXPECT_NE(result.out.find("Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n"),
            std::string::npos)
      << result.out;
  EXPECT_TRUE(
      result.out.ends_with("Ann sends: hello\n"
                           "Ben hears 81 05, and then: hello\n"
                           "Ann hears nothing.\n"))
      << result.out;
}

}  // namespace
}  // namespace simul
