// Which handler answers: by path, then by method.
//
//     router.get("/users/{id}", show_user);        // request.param("id")
//     router.post("/users", add_user);
//     router.get("/files/{path...}", StaticFiles("public"));   // the rest, slashes included
//
//           (root)
//             |-- users ----------- POST
//             |     `-- {id} ------ GET
//             `-- files
//                   `-- {path...} - GET
//
// The paths are a tree with a level for each segment. What is written out goes before `{name}`,
// and that before `{name...}`. The request's path is cut at its slashes and decoded segment by
// segment, so "%2F" never makes two of one. Beyond that it is taken as it is: a slash at the end,
// or two in a row, make another path.
//
// The invariant: a path that is known answers every method: by its handler; HEAD by that of GET;
// OPTIONS by a list of the others; and what is left by 405 with that list.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "runtime/web/request.hpp"
#include "runtime/web/response.hpp"

namespace simul::web {

/// Answers a request. From a function that returns a Task of a response (of web:: or http::), or
/// from one that returns a response and is run in a fiber. A std::exception that leaves it is
/// reported, and answered with 500 and no details.
using Handler = AsyncFunction<Response, Request&>;

class Router {
 public:
  Router();
  Router(Router&&) noexcept;
  Router& operator=(Router&&) noexcept;
  ~Router();

  /// Throws std::invalid_argument if `pattern` does not begin with "/", names a part twice, or
  /// names one in another way than an earlier route does at that place; or if that route is there.
  void add(std::string_view method, std::string_view pattern, Handler handler);
  void get(std::string_view pattern, Handler handler) { add("GET", pattern, std::move(handler)); }
  void post(std::string_view pattern, Handler handler) { add("POST", pattern, std::move(handler)); }
  void put(std::string_view pattern, Handler handler) { add("PUT", pattern, std::move(handler)); }
  void delete_(std::string_view pattern, Handler handler) {
    add("DELETE", pattern, std::move(handler));
  }

  /// In place of a tree: this one answers everything, whatever the path and the method.
  void set_fallback(Handler handler) { fallback_ = std::move(handler); }

  /// Who answers, with `request.params` filled in; or null, and `refusal` is the answer: 400, 404,
  /// 405, 501, or the one to OPTIONS.
  Handler* find(Request& request, Response& refusal);

 private:
  struct Node;

  Node* match(Node& node, std::string_view rest, PathParams& params);
  Response allow(const Node* node, int status) const;

  std::unique_ptr<Node> root_;
  Handler fallback_;
};

}  // namespace simul::web
