// Who takes part in the scripted chat: a client for each way.
//
// Each is a task that hears, and a queue from which the script takes what was heard, one line at a
// time: "2  I am.". So the script waits for events and not for time, and tells the same story on
// every machine. A reader's line begins with the number of the message; by the plain WebSocket a
// message has none.
#pragma once

#include <string>
#include <string_view>
#include <utility>

#include "runtime/base/error.hpp"
#include "runtime/http/message.hpp"
#include "runtime/json/json.hpp"
#include "runtime/sync/queue.hpp"
#include "runtime/task/create_task.hpp"
#include "runtime/task/task.hpp"
#include "runtime/web/session.hpp"
#include "runtime/web/websocket.hpp"

namespace push {

using Lines = simul::Queue<std::string>;

/// "2  I am." from {"id":"chat.2","text":"I am."}
inline std::string line_of(const simul::json::Value& message) {
  const std::string& id = message["id"].as_string();
  return id.substr(id.find('.') + 1) + "  " + message["text"].as_string();
}

/// Hears by WebSocket until the connection ends, with or without numbers. Never throws.
inline simul::Task<> hear_websocket(simul::web::WebSocket& socket, bool numbered, Lines& heard) {
  try {
    while (auto message = co_await socket.receive()) {
      heard.try_put(numbered ? line_of(simul::json::parse(message->data)) : message->data);
    }
    heard.try_put("(closed: " + std::to_string(socket.close_code()) + ", " + socket.close_reason() +
                  ")");
  } catch (const simul::web::WebSocketClosed&) {
    heard.try_put("(cut off)");
  }
}

/// Hears server-sent events until the stream ends. An event is the lines up to an empty one; of
/// their fields this wants "data" alone. (WHATWG HTML, section 9.2.6)
inline simul::Task<> hear_events(simul::web::Session& session, std::string url, Lines& heard) {
  simul::web::StreamedResponse answer = co_await session.stream("GET", url);
  heard.try_put("(" + std::string(answer.headers().get("Content-Type").value_or("")) + ")");
  std::string text;
  for (;;) {
    const std::string_view piece = co_await answer.read();
    if (piece.empty()) break;
    text.append(piece);
    std::size_t begin = 0;
    for (std::size_t end = 0; (end = text.find('\n', begin)) != text.npos; begin = end + 1) {
      const std::string_view line = std::string_view(text).substr(begin, end - begin);
      if (line.starts_with("data: ")) heard.try_put(line_of(simul::json::parse(line.substr(6))));
    }
    text.erase(0, begin);
  }
  heard.try_put("(the end of the stream)");
}

/// Hears by long polling, from `last` on, until an answer is empty. `last` is always what was heard
/// last, so another one can go on from there.
inline simul::Task<> hear_poll(simul::web::Session& session, std::string url, std::string& last,
                               Lines& heard) {
  for (;;) {
    const simul::http::Response answer = co_await session.get(url + "?after=" + last);
    const simul::json::Value news = simul::json::parse(answer.body);
    last = news["last"].as_string();
    for (const simul::json::Value& message : news["messages"].as_array())
      heard.try_put(line_of(message));
    if (news["messages"].size() == 0) break;
  }
  heard.try_put("(an empty answer)");
}

}  // namespace push
