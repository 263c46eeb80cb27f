#include "runtime/http/message_parser.hpp"

#include <algorithm>
#include <utility>

#include "runtime/http/start_line.hpp"
#include "runtime/http/uri.hpp"

namespace simul::http {

MessageParser::MessageParser(const Limits& limits)
    : max_start_line_(limits.start_line),
      fields_(limits.header_bytes, limits.header_fields),
      body_(limits.body, limits.chunks) {}

Event MessageParser::next(std::string_view& input) {
  for (;;) {
    switch (state_) {
      case State::start_line:
        if (!read_start_line(input)) return Event::need_input;
        break;
      case State::fields:
        if (!read_fields(input)) return Event::need_input;
        if (state_ == State::body) return Event::head;
        break;
      case State::body:
        piece_ = body_.next(input);
        if (!piece_.empty()) return Event::body;
        if (!body_.done()) return Event::need_input;
        state_ = State::done;
        break;
      case State::done:
        return Event::end;
    }
  }
}

bool MessageParser::read_start_line(std::string_view& input) {
  started_ = started_ || !input.empty();
  std::string_view line;
  switch (lines_.next(input, max_start_line_, line)) {
    case LineReader::Result::incomplete:
      return false;
    case LineReader::Result::too_long:
      throw TooLarge(std::string("the ") + start_line_name() + " is longer than " +
                         std::to_string(max_start_line_) + " bytes",
                     status_of_long_line());
    case LineReader::Result::line:
      break;
  }
  if (on_start_line(without_carriage_return(line, start_line_name()))) {
    state_ = State::fields;
  } else {
    started_ = false;
  }
  return true;
}

bool MessageParser::read_fields(std::string_view& input) {
  if (!fields_.parse(input, headers())) return false;
  if (const auto framing = on_head(keep_alive_)) {
    body_.begin(*framing);
    state_ = State::body;
  } else {
    // The limits go on counting, so that interim responses without end are an error, too.
    fields_.reset(/*keep_count=*/true);
    headers().clear();
    state_ = State::start_line;
  }
  return true;
}

void MessageParser::end_of_stream() {
  if (idle() || done()) return;
  if (state_ == State::body) {
    body_.end_of_stream();
    state_ = State::done;
    return;
  }
  throw Truncated(state_ == State::fields
                      ? "the connection ended inside the header fields"
                      : std::string("the connection ended inside the ") + start_line_name());
}

void MessageParser::restart() noexcept {
  state_ = State::start_line;
  started_ = false;
  keep_alive_ = false;
  lines_.reset();
  fields_.reset();
}

namespace {

// (find_first_of would search the list for each byte.)
bool is_malformed_host(std::string_view host) noexcept {
  return std::ranges::any_of(
      host, [](char c) { return c == ' ' || c == '\t' || c == ',' || c == '/' || c == '@'; });
}

}  // namespace

bool RequestParser::on_start_line(std::string_view line) {
  if (line.empty() && !std::exchange(skipped_empty_line_, true)) return false;
  const RequestLine parts = parse_request_line(line);
  request_.method = parts.method;
  request_.target = parts.target;
  request_.minor_version = parts.minor_version;
  return true;
}

std::optional<Framing> RequestParser::on_head(bool& keep_alive) {
  const Headers& headers = request_.headers;
  // RFC 9112 section 3.2: a proxy and a server that choose different Hosts serve different sites.
  const auto host = headers.get("Host");
  if (!host && request_.minor_version >= 1) throw ProtocolError("no Host header");
  if (host && headers.count("Host") > 1) throw ProtocolError("Host twice");
  if (host && is_malformed_host(*host)) {
    throw ProtocolError("Host " + quote(*host) + " is malformed");
  }
  keep_alive = wants_keep_alive(headers, request_.minor_version);
  return request_framing(headers, request_.minor_version);
}

void RequestParser::reset() noexcept {
  restart();
  skipped_empty_line_ = false;
  request_.headers.clear();
  request_.body.clear();
}

bool ResponseParser::on_start_line(std::string_view line) {
  const StatusLine parts = parse_status_line(line);
  response_.status = parts.status;
  response_.reason = parts.reason;
  response_.minor_version = parts.minor_version;
  return true;
}

std::optional<Framing> ResponseParser::on_head(bool& keep_alive) {
  const int status = response_.status;
  if (status < 200 && status != 101) return std::nullopt;
  const bool tunnel = status == 101 || (method_ == "CONNECT" && status < 300);
  const Framing framing =
      response_framing(response_.headers, response_.minor_version, status, method_);
  keep_alive = !tunnel && framing.kind != Framing::Kind::until_close &&
               wants_keep_alive(response_.headers, response_.minor_version);
  return framing;
}

void ResponseParser::reset(std::string_view method) {
  restart();
  method_ = method;
  response_.headers.clear();
  response_.body.clear();
}

}  // namespace simul::http
