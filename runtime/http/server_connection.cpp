#include "runtime/http/server_connection.hpp"

#include <charconv>
#include <utility>

#include "runtime/http/error.hpp"
#include "runtime/http/uri.hpp"

namespace simul::http {

Event ServerConnection::next(std::string_view& input) {
  const Event event = parser_.next(input);
  if (event == Event::head) on_head();
  return event;
}

void ServerConnection::on_head() {
  IncomingRequest& request = parser_.request();
  head_only_ = request.method == "HEAD";
  if (parser_.body().done()) {  // there is none: the request has come to its end
    std::string_view nothing;
    parser_.next(nothing);
  }
  if (request.target[0] != '/') take_url_apart();
  // An HTTP/1.0 client cannot mean it: the interim answer came with 1.1 (RFC 9110 section 10.1.1).
  const auto expect = request.headers.get("Expect");
  if (!expect || request.minor_version == 0) return;
  if (!equal_ignoring_case(*expect, "100-continue") || request.headers.count("Expect") > 1) {
    throw ProtocolError("Expect " + quote(*expect) + " cannot be met", 417);
  }
  expects_ = parser_.body().framing().kind != Framing::Kind::none;
}

void ServerConnection::take_url_apart() try {
  IncomingRequest& request = parser_.request();
  if (request.target == "*" || request.method == "CONNECT") return;
  const UriView parts = UriView::parse(request.target);
  const bool web = parts.scheme && (equal_ignoring_case(*parts.scheme, "http") ||
                                    equal_ignoring_case(*parts.scheme, "https"));
  if (!web || !parts.authority || parts.authority->empty() ||
      parts.authority->find('@') != std::string_view::npos) {
    throw ProtocolError("request target " + quote(request.target) + " is malformed");
  }
  std::string target(parts.path);
  if (target.empty()) target = request.method == "OPTIONS" && !parts.query ? "*" : "/";
  if (parts.query) target.append("?").append(*parts.query);
  request.headers.set("Host", *parts.authority);
  request.target = std::move(target);
} catch (const InvalidUrl& error) {
  throw ProtocolError(error.what());
}

void ServerConnection::invite(std::string& out) {
  expects_ = false;
  out.append("HTTP/1.1 100 Continue\r\n\r\n");
}

bool ServerConnection::can_skip_rest() const noexcept {
  if (whole()) return true;
  const BodyReader& body = parser_.body();
  return !expects_ && body.framing().kind == Framing::Kind::length &&
         body.framing().length - body.received() <= kMaxSkipped;
}

ResponseFraming ServerConnection::framing(std::string_view extra, bool streamed) {
  ResponseFraming framing;
  framing.keep_alive = parser_.keep_alive() && !closing_ && can_skip_rest();
  framing.without_body = head_only_;
  framing.minor_version = parser_.request().minor_version;
  framing.streamed = streamed;
  framing.extra = extra;
  return framing;
}

std::string_view ServerConnection::answer(std::string& out, const Answer& response,
                                          std::string_view extra) {
  const ResponseFraming how = framing(extra, /*streamed=*/false);
  write_response_head(out, response, how);
  keep_ = how.keep_alive && response.status >= 200;
  stage_ = Stage::finished;
  if (head_only_) return {};
  if (response.body.size() > kMaxCopied) return response.body;
  out.append(response.body);
  return {};
}

void ServerConnection::begin(std::string& out, const Answer& response, std::string_view extra) {
  const ResponseFraming how = framing(extra, /*streamed=*/true);
  write_response_head(out, response, how);
  left_ = content_length(response.headers);
  chunked_ = !left_ && how.minor_version >= 1;
  keep_ = how.keep_alive && (chunked_ || left_);
  stage_ = Stage::begun;
}

ServerConnection::Framed ServerConnection::frame(std::string_view piece) {
  if (left_) {
    if (piece.size() > *left_) throw InvalidMessage("the body is longer than its Content-Length");
    *left_ -= piece.size();
  }
  if (head_only_ || piece.empty()) return {};
  if (!chunked_) return {{}, piece, {}};
  char* const end = std::to_chars(size_line_, size_line_ + 16, piece.size(), 16).ptr;
  end[0] = '\r';
  end[1] = '\n';
  return {{size_line_, static_cast<std::size_t>(end + 2 - size_line_)}, piece, "\r\n"};
}

void ServerConnection::finish(std::string& out) {
  if (left_.value_or(0) != 0 && !head_only_) {
    throw InvalidMessage("the body is shorter than its Content-Length");
  }
  if (chunked_ && !head_only_) write_last_chunk(out);
  stage_ = Stage::finished;
}

void ServerConnection::next_request() noexcept {
  parser_.reset();
  stage_ = Stage::none;
  expects_ = keep_ = head_only_ = chunked_ = false;
  left_.reset();
}

void ServerConnection::reset() noexcept {
  next_request();
  closing_ = false;
}

}  // namespace simul::http
