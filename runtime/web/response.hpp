// What a handler answers: a whole body, a body piece by piece, or a change of protocol.
//
//     co_return web::Response(200, "hello\n");                         // whole
//
//     web::Response report(200, "", "text/csv");
//     report.stream = [](web::BodyWriter& out) -> Task<> {             // as it comes into being
//       for (int line = 0; line < 1'000'000; ++line) co_await out.write(row(line));
//     };
//
//     web::Response change(101);
//     change.headers.set("Upgrade", "chat");
//     change.upgrade = [](web::Upgraded connection) -> Task<> { ... };  // bytes, both ways
//
// The function is called when the handler has returned, as part of the connection's task; what it
// captured lives until it has ended. It may also be a plain function (`void`): then it is run in a
// fiber and waits by `await`.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <utility>

#include "runtime/http/message.hpp"
#include "runtime/reactor/descriptor.hpp"
#include "runtime/sync/event.hpp"
#include "runtime/task/task.hpp"
#include "runtime/web/async_function.hpp"

namespace simul::web {

class Connection;

/// Where a streamed body goes. Lives as long as the function that was given it runs. When the
/// client goes away, the function is cancelled where it waits.
class BodyWriter {
 public:
  explicit BodyWriter(Connection& connection) noexcept : connection_(connection) {}
  BodyWriter(const BodyWriter&) = delete;
  BodyWriter& operator=(const BodyWriter&) = delete;

  /// Sends `piece`, which must stay where it is until then, and returns when the kernel has taken
  /// all of it: who writes faster than the client reads waits here, and nothing piles up. Throws
  /// std::system_error if the client has gone, TimedOut if it reads too slowly, InvalidMessage if
  /// the Content-Length that the head announced is exceeded. A fiber writes `await(out.write(x))`.
  Task<> write(std::string_view piece);

 private:
  Connection& connection_;
};

/// A connection that has changed its protocol: the socket, and the bytes that the client sent
/// behind its request. It is the new owner's alone; when that has gone, it is closed.
struct Upgraded {
  Upgraded(Descriptor the_socket, std::string the_received, Event& the_closing) noexcept
      : socket(std::move(the_socket)), received(std::move(the_received)), closing(the_closing) {}
  Upgraded(Upgraded&&) noexcept = default;

  Descriptor socket;
  std::string received;  ///< already taken off the socket; may be empty
  Event& closing;        ///< set when the server shuts down: say goodbye and end
};

/// An answer. An http::Answer, or an http::Response, will do where no more is wanted.
struct Response : http::Answer {
  Response() = default;
  Response(http::Answer&& answer)  // NOLINT(google-explicit-constructor): it is one
      : http::Answer(std::move(answer)) {}
  explicit Response(int the_status) { status = the_status; }

  /// With a body of that type.
  Response(int the_status, std::string text, std::string_view type = "text/plain; charset=utf-8") {
    status = the_status;
    headers.add("Content-Type", type);
    body = std::move(text);
  }

  /// As if made anew, with what memory its headers have.
  void clear() {
    status = 200;
    reason.clear();
    headers.clear();
    body = std::string();
    stream = {};
    upgrade = {};
  }

  /// Sends the body, in place of `body`. Chunked, unless `headers` say its Content-Length. If it
  /// throws, the connection is cut, so that nobody takes half of an answer for the whole.
  AsyncFunction<void, BodyWriter&> stream;

  /// With status 101: what is done with the connection from then on.
  AsyncFunction<void, Upgraded> upgrade;
};

}  // namespace simul::web
