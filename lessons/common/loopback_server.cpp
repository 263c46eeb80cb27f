// The loopback server's thread; see loopback_server.hpp.
#include "lessons/common/loopback_server.hpp"

#include <exception>
#include <optional>
#include <string>
#include <utility>

#include "runtime/fiber/fiber.hpp"
#include "runtime/reactor/reactor.hpp"
#include "runtime/task/bridges.hpp"
#include "runtime/trace/recorder.hpp"
#include "runtime/web/request.hpp"
#include "runtime/web/response.hpp"
#include "runtime/web/router.hpp"

namespace simul {

namespace {

web::ServerOptions server_options(const LoopbackServer::Options& options) {
  web::ServerOptions server;
  server.address = options.address;
  server.limits = options.limits;
  server.max_connections = options.connections;
  server.header_timeout = options.header;
  server.body_timeout = options.body;
  server.idle_timeout = options.idle;
  server.write_timeout = options.send;
  server.cancel_after_client_left = Duration::max();
  return server;
}

}  // namespace

LoopbackServer::LoopbackServer(Handler handler, Options options)
    : handler_(std::move(handler)), options_(std::move(options)) {
  std::promise<Remote> started;
  std::future<Remote> remote = started.get_future();
  thread_ = std::thread([this, &started] { run(std::move(started)); });
  try {
    remote_ = remote.get();
  } catch (...) {
    thread_.join();
    throw;
  }
}

LoopbackServer::~LoopbackServer() {
  remote_.call_soon_threadsafe([] { Reactor::current().stop(); });
  thread_.join();
}

std::string LoopbackServer::url(std::string_view path) const {
  return "http://" + address_.to_string() + std::string(path);
}

// In a fiber of the request.
web::Response LoopbackServer::answer(web::Request& request) {
  http::IncomingRequest& whole = request.head();
  whole.body = await(request.read_all());
  try {
    return handler_(whole);
  } catch (const std::exception& error) {  // said aloud: there is nobody here to keep it from
    return text_response(500, error.what() + std::string("\n"));
  }
}

void LoopbackServer::run(std::promise<Remote> started) {
  trace::Recorder::leave_out_this_thread();  // it is what a lesson talks to, not what it shows
  std::optional<Reactor> reactor;
  std::optional<web::Server> server;
  try {
    reactor.emplace();
    web::Router router;
    router.set_fallback([this](web::Request& request) { return answer(request); });
    server.emplace(std::move(router), server_options(options_));
    address_ = server->address();
    statistics_ = server->statistics();
    started.set_value(reactor->remote());
  } catch (...) {
    started.set_exception(std::current_exception());
    return;
  }
  reactor->run_forever();
}

}  // namespace simul
