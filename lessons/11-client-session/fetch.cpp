// Downloads URLs from the command line: lesson 05's tool again, on a Session.
//
// The flags and the exit status are the same (fetch_command.hpp); a body is written as it comes,
// piece by piece, and never held whole. New is that the session asks for compressed bodies and
// expands them.
#include "lessons/common/fetch_command.hpp"
#include "runtime/task/run.hpp"
#include "runtime/web/session.hpp"

namespace simul {
namespace {

Task<> fetch(web::Session& session, const FetchCommand& command, const std::string& url) {
  web::CallOptions options;
  options.headers = command.headers;
  options.body = command.body;
  options.follow_redirects = command.follow_redirects;
  http::Timeouts timeouts;
  timeouts.total = command.timeout;
  timeouts.read = command.timeout;  // silence is fine while the caller has patience
  options.timeouts = timeouts;
  web::StreamedResponse response = co_await session.stream(command.method, url, options);
  for (;;) {
    const std::string_view piece = co_await response.read();
    if (piece.empty()) co_return;
    write_body(piece);
  }
}

}  // namespace
}  // namespace simul

int main(int argc, char** argv) {
  simul::web::Session session;
  return simul::fetch_command(
      argc, argv, [&session](const simul::FetchCommand& command, const std::string& url) {
        simul::RunOptions options;
        options.handle_interrupt = false;  // Ctrl-C ends the program as it ends lesson 05's
        simul::run(simul::fetch(session, command, url), options);
      });
}
