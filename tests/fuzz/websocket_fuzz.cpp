// Any bytes as a stream of WebSocket frames. The first byte chooses the role and the limits.
// What holds: the same is found however the stream is cut, the same is due in the end, a text is
// UTF-8, no message is longer than its limit, and what was found can be sent and found again.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/http/websocket.hpp"

namespace ws = simul::http::websocket;

namespace {

void must(bool promise) {
  if (!promise) std::abort();
}

struct Found {
  std::vector<ws::Message> messages;
  std::string events;
  unsigned error = 0;
  bool operator==(const Found&) const = default;
};

Found read_in_steps(std::string_view bytes, std::size_t step, ws::Role role,
                    const ws::Limits& limits) {
  Found found;
  ws::Connection connection(role, limits);
  try {
    while (!bytes.empty()) {
      const std::string_view part = bytes.substr(0, step);
      bytes.remove_prefix(part.size());
      // In memory of its own, so that a byte read past the end is noticed.
      const auto copy = std::make_unique<char[]>(part.size());
      part.copy(copy.get(), part.size());
      std::string_view piece(copy.get(), part.size());
      for (ws::Event event; (event = connection.next(piece)) != ws::Event::none;) {
        found.events += static_cast<char>('0' + static_cast<int>(event));
        if (event == ws::Event::message) {
          found.messages.push_back(connection.take_message());
          must(found.messages.back().data.size() <= limits.message);
        } else if (event == ws::Event::close) {
          found.events += std::to_string(connection.close_code()) + connection.close_reason();
        } else {
          found.events += connection.control();
        }
      }
      must(piece.empty());
    }
  } catch (const ws::Error& error) {
    found.error = error.code();
    must(ws::is_sendable(error.code()) && connection.due());
  }
  std::string due;
  connection.append_due(due);
  must(due.size() <= 2 * (ws::kMaxControl + 6));
  return found;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const ws::Role role = data[0] % 2 == 0 ? ws::Role::client : ws::Role::server;
  ws::Limits limits;
  if (data[0] % 3 == 0) limits.message = 16;
  const std::string_view bytes(reinterpret_cast<const char*>(data) + 1, size - 1);
  const Found whole = read_in_steps(bytes, bytes.size(), role, limits);
  must(read_in_steps(bytes, 1, role, limits) == whole);
  must(read_in_steps(bytes, 2 + data[0] % 7, role, limits) == whole);

  ws::Connection sender(role == ws::Role::server ? ws::Role::client : ws::Role::server);
  std::string written;
  for (const ws::Message& message : whole.messages) {
    sender.send(written, message.data, message.text);  // throws if a text is no UTF-8
  }
  const Found again = read_in_steps(written, 11, role, limits);
  must(again.error == 0 && again.messages == whole.messages);
  return 0;
}
