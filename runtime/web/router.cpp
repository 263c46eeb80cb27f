#include "runtime/web/router.hpp"

#include <algorithm>
#include <stdexcept>

#include "runtime/http/headers.hpp"
#include "runtime/http/percent.hpp"

namespace simul::web {

// What stands behind one part of a path.
struct Router::Node {
  std::map<std::string, std::unique_ptr<Node>, std::less<>> children;  // written out
  std::unique_ptr<Node> one;                                           // {name}
  std::unique_ptr<Node> all;                                           // {name...}
  std::string one_name;
  std::string all_name;
  std::vector<std::pair<std::string, Handler>> handlers;  // by method

  Handler* handler(std::string_view method) {
    for (auto& [name, handler] : handlers) {
      if (name == method) return &handler;
    }
    return nullptr;
  }

  // A part of a path that a route names; another route may share it, by the same name.
  Node& named(std::unique_ptr<Node>& child, std::string& name, std::string_view wanted) {
    if (child == nullptr) {
      child = std::make_unique<Node>();
      name = wanted;
    } else if (name != wanted) {
      throw std::invalid_argument("is called " + name + " by another route");
    }
    return *child;
  }
};

namespace {

// The first segment of what follows a slash, and what follows that: with its slash, or nothing.
std::string_view cut_segment(std::string_view& rest) {
  rest.remove_prefix(1);
  const std::string_view segment = rest.substr(0, rest.find('/'));
  rest.remove_prefix(segment.size());
  return segment;
}

bool decode(std::string_view text, std::string& out) {
  if (auto decoded = http::percent_decode(text)) {
    out = *std::move(decoded);
    return true;
  }
  return false;
}

Response text(int status, std::string_view why) {
  return Response(status, std::string(why) + "\n");
}

}  // namespace

Router::Router() : root_(std::make_unique<Node>()) {}
Router::Router(Router&&) noexcept = default;
Router& Router::operator=(Router&&) noexcept = default;
Router::~Router() = default;

void Router::add(std::string_view method, std::string_view pattern, Handler handler) {
  const std::string route = std::string(method) + " " + std::string(pattern);
  if (!http::is_token(method)) throw std::invalid_argument("route " + route + ": no method");
  if (!pattern.starts_with('/')) throw std::invalid_argument("route " + route + ": no path");
  Node* node = root_.get();
  std::vector<std::string_view> names;
  for (std::string_view rest = pattern; !rest.empty();) {
    std::string_view segment = cut_segment(rest);
    if (!segment.starts_with('{')) {
      auto& child = node->children[std::string(segment)];
      if (child == nullptr) child = std::make_unique<Node>();
      node = child.get();
      continue;
    }
    const bool all = segment.ends_with("...}");
    if (!segment.ends_with('}') || (all && !rest.empty())) {
      throw std::invalid_argument("route " + route + ": " + std::string(segment) + " is malformed");
    }
    segment.remove_prefix(1);
    segment.remove_suffix(all ? 4 : 1);
    if (segment.empty() || std::ranges::find(names, segment) != names.end()) {
      throw std::invalid_argument("route " + route + ": a part without a name of its own");
    }
    names.push_back(segment);
    try {
      node = all ? &node->named(node->all, node->all_name, segment)
                 : &node->named(node->one, node->one_name, segment);
    } catch (const std::invalid_argument& error) {
      throw std::invalid_argument("route " + route + ": {" + std::string(segment) + "} " +
                                  error.what());
    }
  }
  if (node->handler(method) != nullptr) throw std::invalid_argument("route " + route + ": twice");
  node->handlers.emplace_back(method, std::move(handler));
}

// How deep this goes is the routes' choice, not the client's.
Router::Node* Router::match(Node& node, std::string_view rest, PathParams& params) {
  if (rest.empty()) return node.handlers.empty() ? nullptr : &node;
  const std::string_view whole = rest.substr(1);
  const std::string_view segment = cut_segment(rest);
  std::string decoded;
  const bool coded = segment.find('%') != std::string_view::npos;
  if (coded && !decode(segment, decoded)) return nullptr;
  const std::string_view plain = coded ? std::string_view(decoded) : segment;
  if (const auto child = node.children.find(plain); child != node.children.end()) {
    if (Node* found = match(*child->second, rest, params)) return found;
  }
  if (node.one != nullptr && !plain.empty()) {
    params.emplace_back(node.one_name, plain);
    if (Node* found = match(*node.one, rest, params)) return found;
    params.pop_back();
  }
  if (node.all != nullptr) {
    std::string all;
    if (decode(whole, all)) {
      params.emplace_back(node.all_name, std::move(all));
      return node.all.get();
    }
  }
  return nullptr;
}

Response Router::allow(const Node* node, int status) const {
  std::string methods;
  bool get = false;
  for (const auto& [method, handler] : node->handlers) {
    methods += method + ", ";
    get = get || method == "GET";
  }
  methods += get ? "HEAD, OPTIONS" : "OPTIONS";
  Response response = status == 405 ? text(405, "this resource answers " + methods) : Response(204);
  response.headers.add("Allow", methods);
  return response;
}

Handler* Router::find(Request& request, Response& refusal) {
  request.params.clear();
  if (fallback_) return &fallback_;
  const std::string& method = request.method();
  const std::string_view path = request.path();
  if (path == "*") {  // the server as a whole (RFC 9110 section 9.3.7)
    refusal = Response(204);
    return nullptr;
  }
  if (!path.starts_with('/')) {  // CONNECT
    refusal = text(501, "this server is no proxy");
    return nullptr;
  }
  Node* const node = match(*root_, path, request.params);
  if (node == nullptr) {
    const bool decodable = http::percent_decode(path).has_value();
    refusal = decodable ? text(404, "there is nothing at this address")
                        : text(400, "a percent sign in the path is not followed by two digits");
    return nullptr;
  }
  if (Handler* handler = node->handler(method)) return handler;
  if (method == "HEAD") {
    if (Handler* handler = node->handler("GET")) return handler;
  }
  refusal = allow(node, method == "OPTIONS" ? 204 : 405);
  return nullptr;
}

}  // namespace simul::web
