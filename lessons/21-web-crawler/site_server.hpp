// The made-up site, served on this machine.
//
// `Site` serves on the loop of the thread that makes it: for a test in virtual time, where client
// and server share a clock. `SiteThread` gives it a thread and a loop of its own, so that a program
// which crawls it does so over real sockets and has its own loop for itself.
//
// With port 0 the system chooses, and the four names lead there (net::pin): addresses without a
// port, the same in every run. With a port the names end in ".localhost", which leads to this
// machine anyway, here and in browsers: `www.chess.localhost:8021`.
#pragma once

#include <chrono>
#include <cstddef>
#include <ctime>
#include <exception>
#include <functional>
#include <future>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include "lessons/21-web-crawler/normal_url.hpp"
#include "lessons/21-web-crawler/odd_server.hpp"
#include "lessons/21-web-crawler/site_plan.hpp"
#include "runtime/net/resolver.hpp"
#include "runtime/reactor/reactor.hpp"
#include "runtime/reactor/sleep.hpp"
#include "runtime/task/task.hpp"
#include "runtime/trace/recorder.hpp"
#include "runtime/web/server.hpp"

namespace simul::crawl {

/// How a site is served.
struct ServeOptions {
  SiteOptions site{};
  Duration latency = std::chrono::milliseconds(5);  ///< of each answer
  Peer peer = Peer::outside;
  /// A stranger's whims, for tests: a status to answer with in place of a page, or 0.
  std::function<int(const std::string& url)> whim{};
};

class Site {
 public:
  /// Listens, and serves while the loop runs. `plan`: what; it must live as long.
  Site(const SitePlan& plan, const ServeOptions& options)
      : plan_(plan),
        options_(options),
        server_(router(), server_options()),
        odd_(plan, odd_origin(), odd_port(), options.peer) {
    if (options.site.port != 0) return;
    for (std::size_t host = 0; host < 3; ++host) {
      pins_.push_back(net::pin(SitePlan::host_name(host), server_.address()));
    }
    pins_.push_back(net::pin(SitePlan::host_name(3), odd_.address()));
  }
  Site(const Site&) = delete;
  Site& operator=(const Site&) = delete;

  /// How many requests were answered, those of the odd server not counted.
  std::size_t answered() const { return server_.statistics()->answered.load(); }

 private:
  std::string odd_origin() const {
    const std::string seed = plan_.seeds()[3];
    return seed.substr(0, seed.size() - 1);
  }
  std::uint16_t odd_port() const {
    const int port = options_.site.port;
    return static_cast<std::uint16_t>(port == 0 ? 0 : port + 1);
  }
  web::ServerOptions server_options() const {
    web::ServerOptions options;
    options.address = net::Address::loopback(options_.site.port);
    options.peer = options_.peer;
    return options;
  }
  web::Router router() {
    web::Router router;
    router.set_fallback([this](web::Request& request) { return answer(request); });
    return router;
  }

  Task<web::Response> answer(web::Request& request) {
    const std::string host(request.headers().get("Host").value_or(""));
    // A client that does not put its addresses into their normal form is to be served, too.
    const std::string url = normal_url("http://" + host + request.target()).value_or("");
    const std::string file = "/robots.txt";
    if (url.ends_with(file) && request.path() == file) co_return robots(host);
    const std::optional<Resource> resource = plan_.find(url);
    co_await sleep(options_.latency + (resource ? resource->think : Duration::zero()));
    const int whim = options_.whim ? options_.whim(url) : 0;
    if (whim != 0) co_return web::Response(whim, "Not now.\n");
    if (!resource) co_return web::Response(404, "404\n");
    if (resource->failures > 0 && ++visits_[url] <= resource->failures) {
      web::Response failure(resource->failure_status, "Not yet.\n");
      if (!resource->retry_after.empty()) failure.headers.add("Retry-After", resource->retry_after);
      co_return failure;
    }
    web::Response response(resource->status);
    response.body = resource->body;
    if (!resource->type.empty()) response.headers.add("Content-Type", resource->type);
    if (!resource->location.empty()) response.headers.add("Location", resource->location);
    co_return response;
  }

  static web::Response robots(const std::string& host) {
    for (std::size_t number = 0; number < 3; ++number) {
      const std::optional<std::string_view> text = SitePlan::robots(number);
      if (text && host.starts_with(SitePlan::host_name(number))) {
        return web::Response(200, std::string(*text));
      }
    }
    return web::Response(404, "404\n");
  }

  const SitePlan& plan_;
  ServeOptions options_;
  std::map<std::string, int> visits_;
  web::Server server_;
  OddServer odd_;
  std::vector<net::Pin> pins_;
};

/// A site on a thread of its own, from construction to destruction.
class SiteThread {
 public:
  /// On return, clients can connect. Throws std::system_error if the port is taken.
  SiteThread(const SitePlan& plan, const ServeOptions& options) {
    std::promise<Remote> started;
    std::future<Remote> remote = started.get_future();
    thread_ = std::thread([&plan, options, promise = std::move(started)]() mutable {
      trace::Recorder::leave_out_this_thread();  // it is what the lesson talks to
      std::optional<Reactor> loop;
      std::optional<Site> site;
      try {
        loop.emplace();
        site.emplace(plan, options);
        promise.set_value(loop->remote());
      } catch (...) {
        promise.set_exception(std::current_exception());
        return;
      }
      loop->run_forever();
    });
    try {
      remote_ = remote.get();
    } catch (...) {
      thread_.join();
      throw;
    }
  }
  ~SiteThread() {
    remote_.call_soon_threadsafe([] { Reactor::current().stop(); });
    thread_.join();
  }
  SiteThread(const SiteThread&) = delete;
  SiteThread& operator=(const SiteThread&) = delete;

 private:
  Remote remote_;
  std::thread thread_;
};

}  // namespace simul::crawl
