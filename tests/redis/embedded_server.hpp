// The embedded server as a test's own, with the same few functions as RedisServer has: on a thread
// of its own, so that the test's loop may stand still or come and go.
//
//     EmbeddedServer server;
//     redis::Client client(server.url());
//     server.kill();  server.start();          // at the same port; all that it knew is gone
#pragma once

#include <future>
#include <optional>
#include <string>
#include <thread>

#include "runtime/fiber/await.hpp"
#include "runtime/reactor/reactor.hpp"
#include "runtime/redis/mini_server.hpp"
#include "runtime/redis/url.hpp"

namespace simul::testing {

class EmbeddedServer {
 public:
  explicit EmbeddedServer(redis::MiniOptions options = {}) : options_(std::move(options)) {
    start();
  }
  ~EmbeddedServer() { kill(); }
  EmbeddedServer(const EmbeddedServer&) = delete;
  EmbeddedServer& operator=(const EmbeddedServer&) = delete;

  const std::string& url() const { return url_; }

  void start() {
    std::promise<std::string> ready;
    std::future<std::string> url = ready.get_future();
    thread_ = std::thread([this, &ready] { serve(ready); });
    try {
      url_ = url.get();
    } catch (...) {
      thread_.join();
      throw;
    }
    if (options_.path.empty()) options_.port = redis::Url::parse(url_).port;
  }

  void kill() {
    if (!thread_.joinable()) return;
    const Remote remote = remote_;  // the other thread drops its own as soon as it has heard
    remote.call_soon_threadsafe([this] { server_->close(); });
    thread_.join();
  }

 private:
  void serve(std::promise<std::string>& ready) {
    Reactor loop;
    try {
      server_.emplace(options_);
    } catch (...) {
      return ready.set_exception(std::current_exception());
    }
    remote_ = loop.remote();
    ready.set_value(server_->url());
    await(server_->wait_closed());  // and not `run`, which would take Ctrl-C from the test's thread
    server_.reset();
    remote_ = {};
  }

  redis::MiniOptions options_;
  std::string url_;
  std::thread thread_;
  Remote remote_;
  std::optional<redis::MiniServer> server_;
};

}  // namespace simul::testing
