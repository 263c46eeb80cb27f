// A server on several loops: a thread, a reactor and a listening socket for each, one port for all.
//
//     Loops loops(2, routes);             two servers at one port; the kernel deals out the clients
//     ... loops.url() ...
//     loops.end(5s);                      all end, side by side: what is under way is answered
//
// The loops share nothing. Each makes its own handlers, for `routes` is called once in each
// thread, so no handler is ever called by two threads, and none needs a lock. What comes of that:
// a client stays with the loop that it was dealt to, be that one busy and another idle.
//
// The invariant: when this object is gone, so are its threads.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <future>
#include <list>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "runtime/base/clock.hpp"
#include "runtime/net/address.hpp"
#include "runtime/reactor/reactor.hpp"
#include "runtime/sync/event.hpp"
#include "runtime/task/run.hpp"
#include "runtime/task/task.hpp"
#include "runtime/web/server.hpp"

/// See above. Thread: any, but one at a time.
class Loops {
 public:
  using Routes = simul::web::Router (*)();

  /// Starts `count` of them; they serve when this returns. Port 0: the system chooses. Throws what
  /// listening throws: "listen 127.0.0.1:80: Permission denied".
  Loops(int count, Routes routes, std::uint16_t port = 0) {
    address_ = simul::net::Address::loopback(port);
    // One after the other: all but the first have to know which port it has become.
    for (int i = 0; i < count; ++i) start(routes, /*shared=*/count > 1);
  }
  ~Loops() { end(simul::Duration::zero()); }
  Loops(const Loops&) = delete;
  Loops& operator=(const Loops&) = delete;

  const simul::net::Address& address() const noexcept { return address_; }
  std::string url() const { return "http://" + address_.to_string() + "/"; }

  /// Tells all of them to end, and returns when they have: no later than after `grace`.
  void end(simul::Duration grace) {
    for (Loop& loop : loops_) {
      loop.remote.call_soon_threadsafe([told = loop.told, grace] {
        told->grace = grace;
        told->event.set();
      });
    }
    for (Loop& loop : loops_) {
      if (loop.thread.joinable()) loop.thread.join();
    }
  }

  /// How many connections each has had, and how many requests it has answered.
  std::vector<std::uint64_t> connections() const {
    std::vector<std::uint64_t> all;
    for (const Loop& loop : loops_) all.push_back(loop.statistics->accepted);
    return all;
  }
  std::vector<std::uint64_t> answers() const {
    std::vector<std::uint64_t> all;
    for (const Loop& loop : loops_) all.push_back(loop.statistics->answered);
    return all;
  }

 private:
  /// What a loop is told; lives on it.
  struct Told {
    simul::Event event;
    simul::Duration grace{};
  };

  /// What the others know of a loop.
  struct Loop {
    std::thread thread{};
    simul::Remote remote{};
    Told* told = nullptr;
    simul::net::Address address{};
    std::shared_ptr<const simul::web::ServerStatistics> statistics{};
  };

  void start(Routes routes, bool shared) {
    simul::web::ServerOptions options;
    options.address = address_;
    options.share_port = shared;
    const std::string name = "loop " + std::to_string(loops_.size() + 1);
    std::promise<Loop> promise;
    std::future<Loop> listens = promise.get_future();
    std::thread thread([routes, options = std::move(options), &promise, name]() mutable {
      // Signals are the main thread's affair.
      run(serve(routes, std::move(options), promise), {.name = name, .handle_interrupt = false});
    });
    try {
      loops_.push_back(listens.get());
    } catch (...) {
      thread.join();
      throw;
    }
    loops_.back().thread = std::move(thread);
    address_ = loops_.back().address;
  }

  static simul::Task<> serve(Routes routes, simul::web::ServerOptions options,
                             std::promise<Loop>& promise) {
    Told told;
    std::optional<simul::web::Server> server;
    try {
      server.emplace(routes(), std::move(options));
      Loop loop;
      loop.remote = simul::Reactor::current().remote();
      loop.told = &told;
      loop.address = server->address();
      loop.statistics = server->statistics();
      promise.set_value(std::move(loop));  // from here on it belongs to the other thread
    } catch (...) {
      promise.set_exception(std::current_exception());
    }
    if (!server) co_return;
    co_await told.event.wait();
    co_await server->shutdown(told.grace);
  }

  simul::net::Address address_;
  std::list<Loop> loops_;
};
