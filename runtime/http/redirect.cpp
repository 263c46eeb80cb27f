#include "runtime/http/redirect.hpp"

#include <string>
#include <utility>

#include "runtime/http/error.hpp"

namespace simul::http {
namespace {

Url target_of(const Response& response, const Url& from) {
  const auto locations = response.headers.get_all("Location");
  for (const auto location : locations) {
    if (location != locations[0]) throw ProtocolError("two Locations that differ");
  }
  try {
    return from.resolve(percent_encode_unsafe(locations[0]));
  } catch (const InvalidUrl& error) {
    throw ProtocolError(std::string("redirected to where nobody can follow: ") + error.what());
  }
}

bool becomes_get(int status, const std::string& method) {
  if (status == 303) return method != "HEAD";
  return (status == 301 || status == 302) && method == "POST";
}

void drop_body(Request& request) {
  request.body.clear();
  for (const char* name : {"Content-Length", "Content-Type", "Content-Encoding", "Content-Language",
                           "Content-Location", "Content-Range", "Content-Disposition",
                           "Content-Digest", "Last-Modified", "Expect"}) {
    request.headers.remove(name);
  }
}

}  // namespace

bool is_redirect(int status) noexcept {
  return status == 301 || status == 302 || status == 303 || status == 307 || status == 308;
}

bool Redirects::follow(const Response& response, Request& request) {
  if (!is_redirect(response.status) || !response.headers.contains("Location")) return false;
  if (count_ >= limit_) {
    throw LimitExceeded("more than " + std::to_string(limit_) + " redirects");
  }
  Url url = target_of(response, request.url);
  if (url.scheme != "http") {
    throw UnsupportedScheme("redirected to " + url.to_display() +
                            ", but this runtime speaks no TLS: http:// only");
  }
  ++count_;
  if (!url.fragment) url.fragment = request.url.fragment;
  if (becomes_get(response.status, request.method)) {
    request.method = "GET";
    drop_body(request);
  }
  if (url.origin() != request.url.origin()) {
    // A Host that the caller chose belongs to the old place as much as the secrets do.
    for (const char* name : {"Authorization", "Proxy-Authorization", "Cookie", "Host"}) {
      request.headers.remove(name);
    }
  }
  request.url = std::move(url);
  return true;
}

}  // namespace simul::http
