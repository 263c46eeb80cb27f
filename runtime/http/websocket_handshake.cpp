#include "runtime/http/websocket_handshake.hpp"

#include <algorithm>
#include <array>
#include <optional>

#include "runtime/base/base64.hpp"
#include "runtime/http/error.hpp"
#include "runtime/http/sha1.hpp"
#include "runtime/http/websocket_mask.hpp"

namespace simul::http::websocket {
namespace {

constexpr std::string_view kVersion = "13";
constexpr std::string_view kFixedText = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
constexpr std::size_t kKeySize = 16;

Response refuse(int status, const std::string& why) {
  Response response;
  response.status = status;
  response.headers.add("Content-Type", "text/plain; charset=utf-8");
  response.body = why + "\n";
  if (status == 426) {
    response.headers.add("Upgrade", "websocket");
    response.headers.add("Sec-WebSocket-Version", kVersion);
  }
  return response;
}

// The value of a header that must be there once.
std::optional<std::string_view> only(const Headers& headers, std::string_view name) {
  return headers.count(name) == 1 ? headers.get(name) : std::nullopt;
}

// An origin is a URL without a path; "null", a page that has none, is nobody's.
bool is_same_host(std::string_view origin, const Headers& headers) {
  const auto host = headers.get("Host");
  if (!host) return false;
  try {
    const Url from = Url::parse(origin);
    const Url here = Url::parse(from.scheme + "://" + std::string(*host));
    return from.host == here.host && from.port == here.port && from.path.empty() && !from.query &&
           !from.fragment && from.userinfo.empty();
  } catch (const InvalidUrl&) {
    return false;
  }
}

bool may_connect(const Headers& headers, const std::vector<std::string>& allowed) {
  if (!headers.contains("Origin")) return true;
  const auto origin = only(headers, "Origin");
  if (!origin) return false;
  if (allowed.empty()) return is_same_host(*origin, headers);
  return std::any_of(allowed.begin(), allowed.end(), [&](const std::string& one) {
    return one == "*" || equal_ignoring_case(one, *origin);
  });
}

}  // namespace

Response answer_handshake(const IncomingRequest& request, const Acceptance& acceptance) {
  const Headers& headers = request.headers;
  if (!headers.has_token("Upgrade", "websocket")) {
    return refuse(426, "this is a WebSocket: it takes a request with Upgrade: websocket");
  }
  if (request.method != "GET") return refuse(400, "a WebSocket handshake is a GET");
  if (request.minor_version < 1) return refuse(400, "a WebSocket handshake needs HTTP/1.1");
  if (!headers.has_token("Connection", "Upgrade")) {
    return refuse(400, "a WebSocket handshake has Connection: Upgrade");
  }
  const auto version = only(headers, "Sec-WebSocket-Version");
  if (!version) return refuse(400, "a WebSocket handshake has one Sec-WebSocket-Version");
  if (*version != kVersion) return refuse(426, "the WebSocket version spoken here is 13");
  const auto key = only(headers, "Sec-WebSocket-Key");
  if (!key) return refuse(400, "a WebSocket handshake has one Sec-WebSocket-Key");
  const auto bytes = base64_decode(*key);
  if (!bytes || bytes->size() != kKeySize) {
    return refuse(400, "Sec-WebSocket-Key is not 16 bytes in base64");
  }
  if (!may_connect(headers, acceptance.origins)) {
    return refuse(403, "pages of that origin may not connect here");
  }
  Response response;
  response.status = 101;
  response.headers.add("Upgrade", "websocket");
  response.headers.add("Connection", "Upgrade");
  response.headers.add("Sec-WebSocket-Accept", accept_of(*key));
  for (const std::string& ours : acceptance.subprotocols) {
    if (headers.has_token("Sec-WebSocket-Protocol", ours)) {
      response.headers.add("Sec-WebSocket-Protocol", ours);
      break;
    }
  }
  return response;
}

std::string random_handshake_key() {
  std::array<unsigned char, kKeySize> bytes;
  random_bytes(bytes);
  return base64_encode({reinterpret_cast<const char*>(bytes.data()), bytes.size()});
}

std::string accept_of(std::string_view key) {
  return base64_encode(sha1(std::string(key).append(kFixedText)));
}

Url parse_url(std::string_view text) {
  const std::string_view scheme = text.substr(0, text.find(':'));
  if (equal_ignoring_case(scheme, "wss")) {
    throw UnsupportedScheme("wss: there is no TLS here");
  }
  if (!equal_ignoring_case(scheme, "ws")) {
    throw InvalidUrl(quote(text) + " is no ws URL");
  }
  Url url = Url::parse("http" + std::string(text.substr(scheme.size())));
  if (url.fragment) throw InvalidUrl(quote(text) + ": a ws URL has no fragment");
  return url;
}

Request make_handshake(const Url& url, std::string_view key,
                       const std::vector<std::string>& subprotocols, const Headers& extra) {
  Request request;
  request.url = url;
  request.headers = extra;
  request.headers.set("Upgrade", "websocket");
  request.headers.set("Connection", "Upgrade");
  request.headers.set("Sec-WebSocket-Version", kVersion);
  request.headers.set("Sec-WebSocket-Key", key);
  request.headers.remove("Sec-WebSocket-Protocol");
  for (const std::string& one : subprotocols) {
    if (!is_token(one)) throw InvalidMessage("the subprotocol " + quote(one) + " is no token");
    request.headers.add("Sec-WebSocket-Protocol", one);
  }
  return request;
}

std::string check_handshake(const Response& response, std::string_view key,
                            const std::vector<std::string>& subprotocols) {
  const Headers& headers = response.headers;
  if (response.status != 101) {
    throw ProtocolError("the server answers " + std::to_string(response.status) +
                        " and opens no WebSocket");
  }
  if (!headers.has_token("Upgrade", "websocket") || !headers.has_token("Connection", "Upgrade")) {
    throw ProtocolError("the server changes to another protocol than WebSocket");
  }
  if (only(headers, "Sec-WebSocket-Accept") != std::optional<std::string_view>(accept_of(key))) {
    throw ProtocolError("the server's Sec-WebSocket-Accept does not fit our key");
  }
  if (headers.contains("Sec-WebSocket-Extensions")) {
    throw ProtocolError("the server uses an extension that nobody offered");
  }
  if (!headers.contains("Sec-WebSocket-Protocol")) return {};
  const std::string chosen(only(headers, "Sec-WebSocket-Protocol").value_or(""));
  if (std::find(subprotocols.begin(), subprotocols.end(), chosen) == subprotocols.end()) {
    throw ProtocolError("the server chooses a subprotocol that nobody offered");
  }
  return chosen;
}

}  // namespace simul::http::websocket
