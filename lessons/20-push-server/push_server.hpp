// The push server: one channel of messages, and three ways for its news to get to a client.
//
//     GET  /poll?after=chat.7   long polling: answered when there is news, or when the time is over
//     GET  /events              server-sent events: an answer that never ends
//     GET  /chat                WebSocket: what one sends goes to all others, untouched
//     GET  /chat?after=chat.7   WebSocket: the messages as the other two have them, one's own too
//     POST /poll                a message, for those who only hear
//     GET  /echo                WebSocket: each message goes back to its sender
//     GET  /                    the chat page (chat_page.hpp)
//
// HTTP knows questions and answers, and a server that has news has not been asked. So each way is a
// question that was asked in advance, and an answer that is late, or endless, or is the last one
// before both sides speak another protocol.
//
// The invariant: whoever posts waits for nobody. Pollers, /events and /chat?after= are readers of
// the channel and go at their own pace. The plain /chat is told at once: what a client does not
// take fast enough waits in a queue with a limit, and beyond it messages are dropped for that
// client, or its connection is cut, as the settings say.
#pragma once

#include <algorithm>
#include <charconv>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "lessons/20-push-server/channel.hpp"
#include "lessons/20-push-server/chat_page.hpp"
#include "runtime/base/clock.hpp"
#include "runtime/http/headers.hpp"
#include "runtime/http/websocket_handshake.hpp"
#include "runtime/json/json.hpp"
#include "runtime/net/address.hpp"
#include "runtime/task/create_task.hpp"
#include "runtime/task/task.hpp"
#include "runtime/task/task_group.hpp"
#include "runtime/web/router.hpp"
#include "runtime/web/server.hpp"
#include "runtime/web/websocket.hpp"

namespace push {

namespace web = simul::web;
using simul::Task;

/// Beyond, a WebSocket is closed with 1009, and a POST answered with 413.
inline constexpr std::size_t kMaxMessage = 1024 * 1024 + 1024;

struct Settings {
  /// How long a poller waits at most. Less than proxies and browsers put up with.
  simul::Duration poll = std::chrono::seconds(25);
  /// After so much silence: a comment on /events, a ping on WebSockets (and it has as long again to
  /// answer). It finds out who has vanished, and keeps everybody on the way from forgetting us.
  simul::Duration heartbeat = std::chrono::seconds(15);
  /// What becomes of a plain /chat client that does not read fast enough: drop or disconnect.
  web::SlowReader slow_reader = web::SlowReader::disconnect;
  std::size_t max_queued = 4 * 1024 * 1024;  ///< bytes that may wait for it
};

/// The handlers. It must outlive the server that has its routes.
class PushServer {
 public:
  explicit PushServer(Channel& channel, Settings settings = {})
      : channel_(channel), settings_(settings) {}
  PushServer(const PushServer&) = delete;
  PushServer& operator=(const PushServer&) = delete;

  web::Router routes() {
    web::Router router;
    router.get("/", [](web::Request&) -> Task<web::Response> { co_return page(); });
    router.get("/poll", [this](web::Request& request) { return poll(request); });
    router.post("/poll", [this](web::Request& request) { return post(request); });
    router.get("/events", [this](web::Request& request) { return events(request); });
    router.get("/chat", [this](web::Request& request) { return chat(request); });
    router.get("/echo", [this](web::Request& request) { return echo(request); });
    return router;
  }

  /// How many plain /chat clients there are at the moment.
  std::size_t listening() const noexcept { return listening_; }

 private:
  // --- Long polling -----------------------------------------------------------------------------

  // {"last":"chat.7","messages":[{"id":"chat.7","text":"hello"}]}, and `last` is what to ask with
  // the next time. Not more than this at once, unless one message is: who is far behind asks often.
  static constexpr std::size_t kEnough = 64 * 1024;

  Task<web::Response> poll(web::Request& request) {
    std::uint64_t number = channel_.number_of(query(request, "after").value_or(""));
    simul::Duration patience = settings_.poll;
    if (const auto wait = query(request, "wait")) {
      std::uint32_t seconds = 0;
      const auto read = std::from_chars(wait->data(), wait->data() + wait->size(), seconds);
      if (read.ec != std::errc() || read.ptr != wait->data() + wait->size())
        co_return web::Response(400, "wait= is a whole number of seconds\n");
      patience = std::min<simul::Duration>(patience, std::chrono::seconds(seconds));
    }
    co_await channel_.news(number, simul::after(simul::Clock::now(), patience));
    std::string messages;
    while (const PostRef post = channel_.after(number)) {
      if (!messages.empty() && messages.size() + post->json.size() > kEnough) break;
      if (!messages.empty()) messages += ',';
      messages += post->json;
      number = post->number;
    }
    web::Response answer(
        200, R"({"last":")" + channel_.id_of(number) + R"(","messages":[)" + messages + "]}\n",
        "application/json");
    answer.headers.add("Cache-Control", "no-store");
    co_return answer;
  }

  // The body is the message: text, unless its type says that it is just bytes.
  Task<web::Response> post(web::Request& request) {
    if (!is_from_here(request.headers()))
      co_return web::Response(403, "pages of that origin may not post here\n");
    const std::string type(request.headers().get("Content-Type").value_or("text/plain"));
    const std::string body = co_await request.read_all();
    std::uint64_t number = 0;
    try {
      number = channel_.post(body, type != "application/octet-stream");
    } catch (const simul::json::InvalidValue&) {
      co_return web::Response(400, "a text is UTF-8; bytes are application/octet-stream\n");
    }
    co_return web::Response(200, R"({"id":")" + channel_.id_of(number) + "\"}\n",
                            "application/json");
  }

  // A browser lets any page post anything anywhere, and says whose page it is. What is no browser
  // says nothing. (WebSockets have the same question, and web::websocket asks it.)
  static bool is_from_here(const simul::http::Headers& headers) {
    const auto origin = headers.get("Origin");
    if (!origin) return true;
    const std::size_t name = origin->find("://");
    return name != origin->npos && simul::http::equal_ignoring_case(
                                       origin->substr(name + 3), headers.get("Host").value_or(""));
  }

  // --- Server-sent events -----------------------------------------------------------------------

  // A browser comes back by itself, and says in Last-Event-ID what it has had.
  Task<web::Response> events(web::Request& request) {
    const auto last = request.headers().get("Last-Event-ID");
    const std::uint64_t had =
        channel_.number_of(last ? *last : query(request, "after").value_or(""));
    web::Response answer(200, "", "text/event-stream");
    answer.headers.add("Cache-Control", "no-store");
    answer.stream = [this, had](web::BodyWriter& out) { return stream(had, out); };
    co_return answer;
  }

  Task<> stream(std::uint64_t number, web::BodyWriter& out) {
    co_await out.write("retry: 1000\n\n");  // milliseconds, before it comes back
    while (!channel_.closed()) {
      const bool news = co_await channel_.news(number, next_beat());
      if (!news) co_await out.write(": still here\n\n");
      while (const PostRef post = channel_.after(number)) {
        co_await out.write(post->event);
        number = post->number;
      }
    }
  }

  // --- WebSocket --------------------------------------------------------------------------------

  Task<web::Response> chat(web::Request& request) {
    if (const auto after = query(request, "after")) {
      const std::uint64_t had = channel_.number_of(*after);
      co_return web::websocket(
          request, [this, had](web::WebSocket& socket) { return read_along(socket, had); },
          options());
    }
    web::WebSocketOptions told = options();
    told.slow_reader = settings_.slow_reader;
    told.max_queued = settings_.max_queued;
    co_return web::websocket(
        request, [this](web::WebSocket& socket) { return listen(socket); }, told);
  }

  // In the channel's list while it stands here. A message is put into its queue and never waited
  // for.
  Task<> listen(web::WebSocket& socket) {
    Channel::Listener listener(channel_, [&socket](std::string_view data, bool text) {
      if (text)
        socket.offer_text(data);
      else
        socket.offer_binary(data);
    });
    const Count here(listening_);
    while (auto message = co_await socket.receive())
      channel_.post(message->data, message->text, &listener);
  }

  // A reader of the channel, who also posts. Sending waits for the client, and for nothing else.
  Task<> read_along(web::WebSocket& socket, std::uint64_t number) {
    auto tell = [&]() -> Task<> {
      while (!channel_.closed()) {
        co_await channel_.news(number, simul::kNever);
        while (const PostRef post = channel_.after(number)) {
          number = post->number;
          co_await socket.send_text(std::string(post->json));
        }
      }
    };
    auto both = [&](simul::TaskGroup& group) -> Task<> {
      const simul::TaskHandle<> telling = group.create_task(tell(), "what is new");
      while (auto message = co_await socket.receive()) channel_.post(message->data, message->text);
      telling.cancel();
    };
    co_await simul::task_group(both);
  }

  Task<web::Response> echo(web::Request& request) {
    const auto talk = [](web::WebSocket& socket) -> Task<> {
      while (auto message = co_await socket.receive()) co_await socket.send(*std::move(message));
    };
    co_return web::websocket(request, talk, options());
  }

  web::WebSocketOptions options() const {
    web::WebSocketOptions options;
    options.limits.message = kMaxMessage;
    options.ping_interval = options.ping_timeout = settings_.heartbeat;
    return options;
  }

  // --- And what they share ----------------------------------------------------------------------

  // The page may run the script and use the style that are in it, and talk to us; nothing else. So
  // if a message ever became a part of the page, it would still be no program. The password for
  // that is another one for each visitor.
  static web::Response page() {
    const std::string nonce = simul::http::websocket::random_handshake_key();
    std::string text(kChatPage);
    for (std::size_t at = 0; (at = text.find(kNonce, at)) != text.npos;)
      text.replace(at, kNonce.size(), nonce);
    web::Response answer(200, std::move(text), "text/html; charset=utf-8");
    answer.headers.add("Content-Security-Policy",
                       "default-src 'none'; connect-src 'self'; img-src data:; script-src 'nonce-" +
                           nonce + "'; style-src 'nonce-" + nonce +
                           "'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'");
    answer.headers.add("Cache-Control", "no-store");
    answer.headers.add("X-Content-Type-Options", "nosniff");
    answer.headers.add("Referrer-Policy", "no-referrer");
    return answer;
  }

  // "name=value" among what stands behind "?". As it is: neither ids nor numbers need encoding.
  static std::optional<std::string_view> query(const web::Request& request, std::string_view name) {
    std::string_view rest = request.query();
    while (!rest.empty()) {
      const std::string_view field = rest.substr(0, rest.find('&'));
      rest.remove_prefix(std::min(rest.size(), field.size() + 1));
      if (field.starts_with(name) && field.substr(name.size()).starts_with('='))
        return field.substr(name.size() + 1);
    }
    return std::nullopt;
  }

  simul::TimePoint next_beat() const {
    return simul::after(simul::Clock::now(), settings_.heartbeat);
  }

  struct Count {
    explicit Count(std::size_t& the_count) : count(the_count) { ++count; }
    ~Count() { --count; }
    Count(const Count&) = delete;
    Count& operator=(const Count&) = delete;
    std::size_t& count;
  };

  Channel& channel_;
  Settings settings_;
  std::size_t listening_ = 0;
};

/// For a server with these routes: at this port of this machine.
inline web::ServerOptions server_options(std::uint16_t port) {
  web::ServerOptions options;
  options.address = simul::net::Address::loopback(port);
  options.limits.body = kMaxMessage;
  return options;
}

}  // namespace push
