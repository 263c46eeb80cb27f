// What is served, in each of the three ways: a page that waits for nothing, and one that waits for
// a query.
//
//     GET /         at once
//     GET /query    when the database has answered, which takes 0.1 s and none of our processor
//
// A page waits in the way of the server it belongs to, and that is all the difference between them:
// here it stops the thread; in event_loop.hpp it is a `co_await`.
#pragma once

#include <string>
#include <utility>

#include "runtime/base/clock.hpp"
#include "runtime/http/message.hpp"

namespace simul {

/// A page of plain text.
inline http::Response text_page(int status, std::string text) {
  http::Response response;
  response.status = status;
  response.headers.add("Content-Type", "text/plain; charset=utf-8");
  response.body = std::move(text);
  return response;
}

/// What is there without asking anybody.
inline http::Response front_page() {
  return text_page(200, "hello\n");
}

/// What is made of the answer to the query.
inline http::Response query_page() {
  return text_page(200, "42 rows\n");
}

/// The answer to a request; the thread waits for the query, which takes so long.
inline http::Response answer(const http::IncomingRequest& request, Duration query) {
  const bool is_query = request.path() == "/query";
  if (!is_query && request.path() != "/") return text_page(404, "there is no such page\n");
  if (request.method != "GET" && request.method != "HEAD") {
    http::Response refusal = text_page(405, "these pages can be read, and that is all\n");
    refusal.headers.add("Allow", "GET, HEAD");
    return refusal;
  }
  if (!is_query) return front_page();
  Clock::sleep_for(query);
  return query_page();
}

}  // namespace simul
