// The runtime's server: one thread, one loop, and everybody who waits is a few hundred bytes.
//
// Where the page waits for its query the handler gives way, and the loop turns to whoever has
// something to do. The function that serves a connection reads as the blocking one does, too
// (runtime/web/connection.cpp): the difference is what waiting costs.
#pragma once

#include <chrono>
#include <utility>

#include "lessons/19-web-server/page.hpp"
#include "lessons/19-web-server/told_to_end.hpp"
#include "runtime/base/callback.hpp"
#include "runtime/base/clock.hpp"
#include "runtime/net/address.hpp"
#include "runtime/reactor/sleep.hpp"
#include "runtime/task/task.hpp"
#include "runtime/web/server.hpp"

namespace simul {

/// As serve_one_at_a_time.
inline Task<> serve_on_a_loop(net::Address address, Duration query,
                              Callback<void(const net::Address&)> ready) {
  web::Router router;
  router.get("/", [](web::Request&) -> Task<web::Response> { co_return front_page(); });
  router.get("/query", [query](web::Request&) -> Task<web::Response> {
    co_await sleep(query);
    co_return query_page();
  });
  web::ServerOptions options;
  options.address = address;
  options.max_connections = 1'000'000;  // as many as there are descriptors
  web::Server server(std::move(router), std::move(options));
  {
    ToldToEnd told;
    ready(server.address());
    co_await told.wait();
  }
  co_await server.shutdown(std::chrono::seconds(10));
}

}  // namespace simul
