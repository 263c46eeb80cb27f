// Downloads URLs from the command line: the blocking client as a tool that scripts can use.
//
// All URLs share one client, so several of one server share a connection. Lesson 11 has the same
// tool, with the same flags (fetch_command.hpp), on a client that does not block.
#include <utility>

#include "lessons/common/fetch_command.hpp"
#include "runtime/http/blocking_client.hpp"

namespace simul {
namespace {

void fetch(http::Client& client, const FetchCommand& command, const std::string& url) {
  http::Request request;
  request.method = command.method;
  request.url = http::Url::parse(url);
  request.headers = command.headers;
  request.body = command.body;
  http::RequestOptions options;
  options.timeouts.total = command.timeout;
  options.timeouts.read = command.timeout;  // silence is fine while the caller has patience
  options.exchange.follow_redirects = command.follow_redirects;
  options.exchange.on_body = write_body;
  client.request(std::move(request), std::move(options));
}

}  // namespace
}  // namespace simul

int main(int argc, char** argv) {
  simul::http::Client client;
  return simul::fetch_command(
      argc, argv, [&client](const simul::FetchCommand& command, const std::string& url) {
        simul::fetch(client, command, url);
      });
}
