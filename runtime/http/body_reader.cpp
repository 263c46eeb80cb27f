#include "runtime/http/body_reader.hpp"

#include <algorithm>
#include <charconv>
#include <string>

#include "runtime/http/error.hpp"
#include "runtime/http/uri.hpp"

namespace simul::http {
namespace {

// Is the body chunked? Every Transfer-Encoding that is not exactly "chunked" is refused, since a
// body whose coding we do not know has no end that we could find.
bool is_chunked(const Headers& headers, int minor_version) {
  const auto coding = headers.get("Transfer-Encoding");
  if (!coding) return false;
  if (minor_version == 0) throw ProtocolError("Transfer-Encoding in an HTTP/1.0 message");
  if (headers.contains("Content-Length")) {
    throw ProtocolError("both Transfer-Encoding and Content-Length");
  }
  if (!equal_ignoring_case(*coding, "chunked")) {
    throw ProtocolError("Transfer-Encoding " + quote(*coding) + " is not \"chunked\"", 501);
  }
  if (headers.count("Transfer-Encoding") > 1) {
    throw ProtocolError("Transfer-Encoding twice");
  }
  return true;
}

}  // namespace

std::optional<std::uint64_t> content_length(const Headers& headers) {
  std::optional<std::uint64_t> length;
  for (const auto [name, value] : headers) {
    if (!equal_ignoring_case(name, "Content-Length")) continue;
    std::uint64_t number = 0;
    const char* end = value.data() + value.size();
    // from_chars takes neither sign nor space for an unsigned number, and notices overflow.
    const auto [stop, error] = std::from_chars(value.data(), end, number);
    if (error != std::errc() || stop != end) {
      throw ProtocolError("Content-Length " + quote(value) + " is no number of bytes");
    }
    if (length && *length != number) throw ProtocolError("two Content-Lengths that differ");
    length = number;
  }
  return length;
}

Framing request_framing(const Headers& headers, int minor_version) {
  if (is_chunked(headers, minor_version)) return {Framing::Kind::chunked, 0};
  const auto length = content_length(headers);
  if (length.value_or(0) == 0) return {};
  return {Framing::Kind::length, *length};
}

Framing response_framing(const Headers& headers, int minor_version, int status,
                         std::string_view method) {
  const bool successful = status >= 200 && status < 300;
  if (method == "HEAD" || status < 200 || status == 204 || status == 304) return {};
  if (method == "CONNECT" && successful) return {};
  if (is_chunked(headers, minor_version)) return {Framing::Kind::chunked, 0};
  const auto length = content_length(headers);
  if (!length) return {Framing::Kind::until_close, 0};
  if (*length == 0) return {};
  return {Framing::Kind::length, *length};
}

bool wants_keep_alive(const Headers& headers, int minor_version) noexcept {
  if (headers.has_token("Connection", "close")) return false;
  return minor_version >= 1 || headers.has_token("Connection", "keep-alive");
}

void BodyReader::begin(const Framing& framing) {
  framing_ = framing;
  received_ = 0;
  over_limit_ = false;
  done_ = framing.kind == Framing::Kind::none;
  if (framing.kind == Framing::Kind::length && framing.length > max_bytes_) refuse_size();
  decoder_.reset();  // whatever the kind: the trailers of the body before are not this one's
}

std::string_view BodyReader::next(std::string_view& input) {
  if (over_limit_) refuse_size();
  std::string_view piece;
  switch (framing_.kind) {
    case Framing::Kind::none:
      break;
    case Framing::Kind::length: {
      const std::uint64_t left = framing_.length - received_;
      piece =
          input.substr(0, static_cast<std::size_t>(std::min<std::uint64_t>(left, input.size())));
      input.remove_prefix(piece.size());
      done_ = piece.size() == left;
      break;
    }
    case Framing::Kind::chunked:
      piece = decoder_.next(input);
      done_ = decoder_.done();
      break;
    case Framing::Kind::until_close:
      piece = input;
      input = {};
      break;
  }
  // Everything up to the limit is handed out before the error, so that the split does not show.
  const std::uint64_t room = max_bytes_ - received_;
  if (piece.size() > room) {
    if (room == 0) refuse_size();
    piece = piece.substr(0, static_cast<std::size_t>(room));
    over_limit_ = true;
  }
  received_ += piece.size();
  return piece;
}

void BodyReader::refuse_size() const {
  throw TooLarge("the body is longer than " + std::to_string(max_bytes_) + " bytes", 413);
}

void BodyReader::end_of_stream() {
  if (done_) return;
  if (framing_.kind == Framing::Kind::until_close) {
    done_ = true;
    return;
  }
  std::string what = "the connection ended after " + std::to_string(received_);
  what += framing_.kind == Framing::Kind::length
              ? " of " + std::to_string(framing_.length) + " body bytes"
              : " body bytes, before the last chunk";
  throw Truncated(what);
}

}  // namespace simul::http
