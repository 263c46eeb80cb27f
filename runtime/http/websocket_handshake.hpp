// The way into a WebSocket: one HTTP request that asks for it, and its answer (RFC 6455 section 4).
//
//     GET /chat HTTP/1.1                              HTTP/1.1 101 Switching Protocols
//     Upgrade: websocket                              Upgrade: websocket
//     Connection: Upgrade                             Connection: Upgrade
//     Sec-WebSocket-Version: 13                       Sec-WebSocket-Accept: SHA-1 of the key
//     Sec-WebSocket-Key: 16 random bytes              and of a fixed text
//
// The key keeps nothing secret. That its digest comes back shows that the server knows what it has
// been asked; that a page's script cannot set the header shows that a browser did ask.
//
// Any page may open a WebSocket to any server, and the browser sends the cookies along: the same
// origin rule does not hold here. So it is for the server to look at Origin, and this one by
// default serves pages of its own host and clients that are no browsers, which send none.
//
// Not here: extensions (none is offered, none agreed to), and wss.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "runtime/http/message.hpp"
#include "runtime/http/url.hpp"

namespace simul::http::websocket {

/// What a server agrees to.
struct Acceptance {
  /// Whose pages may connect: "https://chat.example", as browsers write it; "*": everybody's.
  /// Empty: those of the host that the request was sent to.
  std::vector<std::string> origins;
  /// Which subprotocols it speaks, the best first. One that the client offers is chosen, if any.
  std::vector<std::string> subprotocols;
};

/// The answer: 101, or a refusal that says why. 400: the request is no handshake; 426: it asks for
/// no WebSocket, or for another version than 13; 403: a page of another origin.
Response answer_handshake(const IncomingRequest& request, const Acceptance& acceptance = {});

/// A new key: 16 random bytes in base64.
std::string random_handshake_key();

/// What a server must make of the key.
std::string accept_of(std::string_view key);

/// ws://host:port/path?query as the http URL that is asked for. Throws InvalidUrl if it is none or
/// has a fragment, UnsupportedScheme for wss.
Url parse_url(std::string_view text);

/// The request. `extra` are headers of the caller's, such as Origin or Cookie.
Request make_handshake(const Url& url, std::string_view key,
                       const std::vector<std::string>& subprotocols, const Headers& extra = {});

/// Throws ProtocolError unless `response` agrees to that request; returns the subprotocol that was
/// chosen, or "".
std::string check_handshake(const Response& response, std::string_view key,
                            const std::vector<std::string>& subprotocols);

}  // namespace simul::http::websocket
