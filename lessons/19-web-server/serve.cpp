// A web server that one can use: a folder, an echo, and an end in good order.
//
//     $ build/lessons/19-web-server.serve --port 8000 --root public &
//     http://127.0.0.1:8000
//     $ curl -d 'any bytes' http://127.0.0.1:8000/echo
//
// It listens on this machine alone. With --root, GET and HEAD are answered with the files of that
// folder, "/" with its index.html; without, "/" says hello. POST /echo sends the body back as it
// comes, so that it may be as long as the limit allows. Ctrl-C and SIGTERM let what is under way
// come to its end, for at most ten seconds. Each request is a line on stderr with --log.
#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <string>
#include <utility>

#include "lessons/19-web-server/descriptors.hpp"
#include "lessons/19-web-server/told_to_end.hpp"
#include "lessons/common/lesson.hpp"
#include "runtime/net/address.hpp"
#include "runtime/task/run.hpp"
#include "runtime/task/task.hpp"
#include "runtime/web/server.hpp"
#include "runtime/web/static_files.hpp"

using namespace simul;  // NOLINT(google-build-using-namespace): a program of one file
using namespace std::chrono_literals;

namespace {

struct Choices {
  int port = 0;
  std::string root;
  double header_timeout = 15;
  bool log = false;
};

// The whole of it at once: an answer may begin before the request has ended, but a client that does
// not read until it has written all would wait for us, and we for it.
Task<web::Response> echo(web::Request& request) {
  const std::string type(
      request.headers().get("Content-Type").value_or("application/octet-stream"));
  std::string body = co_await request.read_all();
  co_return web::Response(200, std::move(body), type);
}

Task<web::Response> hello(web::Request&) {
  co_return web::Response(200, "Hello. POST something to /echo.\n");
}

web::Router routes(const Choices& choices) {
  web::Router router;
  router.post("/echo", echo);
  if (choices.root.empty()) {
    router.get("/", hello);
    return router;
  }
  web::StaticFiles files(choices.root);
  router.get("/{path...}", files);
  // A folder without an index.html has a front page all the same.
  router.get("/", [files](web::Request& request) mutable -> Task<web::Response> {
    web::Response page = co_await files(request);
    if (page.status == 404) co_return co_await hello(request);
    co_return page;
  });
  return router;
}

Task<> serve(const Choices& choices) {
  web::ServerOptions options;
  options.address = net::Address::loopback(static_cast<std::uint16_t>(choices.port));
  // As many as there are descriptors, some of which the files need.
  options.max_connections = std::max<std::size_t>(raise_descriptor_limit(), 200) - 100;
  options.header_timeout = from_seconds(choices.header_timeout);
  if (choices.log) options.access_log = web::log_to(stderr);
  web::Server server(routes(choices), std::move(options));

  {
    ToldToEnd told;
    say("http://", server.address().to_string());
    co_await told.wait();
  }
  co_await server.shutdown(10s);
}

}  // namespace

int main(int argc, char** argv) {
  Choices choices;
  const Lesson about{
      .about =
          "A web server: GET / answers, POST /echo sends the body back. SIGINT and SIGTERM end\n"
          "it when what is under way has been answered.",
      .flags = {number("--port", "P", "listen at this port of 127.0.0.1; 0: any that is free",
                       choices.port, 0, 65535),
                text("--root", "DIR", "answer GET with the files of this folder", choices.root),
                amount("--header-timeout", "S", "seconds for the head of a request (15)",
                       choices.header_timeout, 0.001, 86400),
                on("--log", "a line on stderr for each request", choices.log)}};
  return lesson(argc, argv, about,
                [&choices] { run(serve(choices), {.handle_interrupt = false}); });
}
