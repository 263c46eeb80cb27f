#include "runtime/http/exchange.hpp"

#include <algorithm>
#include <cassert>
#include <cerrno>
#include <utility>

#include "runtime/http/error.hpp"

namespace simul::http {
namespace {

// A body up to this size is sent together with the head: one system call, one packet.
constexpr std::size_t kSmallBody = 16 * 1024;

// A redirect's own body is read to its end only if it is short: a new connection is cheaper than
// receiving a page that nobody will see.
constexpr std::uint64_t kMaxDiscarded = 64 * 1024;

// Before the first allocation for a body: what a peer announces is not yet memory well spent.
constexpr std::uint64_t kMaxReserved = 1024 * 1024;

}  // namespace

void add_client_headers(Headers& headers) {
  if (!headers.contains("User-Agent")) headers.add("User-Agent", "simul");
  if (!headers.contains("Accept")) headers.add("Accept", "*/*");
}

Exchange::Exchange(Request&& request, ExchangeOptions options)
    : request_(std::move(request)),
      options_(std::move(options)),
      redirects_(options_.max_redirects),
      parser_(request_.method, limits_of(options_)) {
  if (request_.url.scheme != "http") {
    throw UnsupportedScheme(context() + ": this runtime speaks no TLS: http:// only");
  }
  add_client_headers(request_.headers);
  if (!options_.keep_alive) request_.headers.set("Connection", "close");
  start_hop();
}

Limits Exchange::limits_of(const ExchangeOptions& options) {
  Limits limits = options.limits;
  if (options.on_body) limits.body = Limits::kUnlimited;
  return limits;
}

void Exchange::start_hop() {
  origin_ = request_.url.origin();
  head_.clear();
  write_request_head(head_, request_);
  glued_ = request_.body.size() <= kSmallBody;
  if (glued_) head_ += request_.body;
  retried_ = false;
  start_attempt(/*fresh=*/false);
}

void Exchange::start_attempt(bool fresh) {
  parser_.reset(request_.method);
  sent_ = 0;
  fresh_ = fresh;
  reused_ = false;
  following_ = false;
  discarded_ = 0;
  send_error_ = 0;
  step_ = Step::connect;
}

void Exchange::connected(bool reused) {
  assert(step_ == Step::connect);
  reused_ = reused;
  can_keep_ = false;
  step_ = Step::send;
}

std::size_t Exchange::request_size() const noexcept {
  return head_.size() + (glued_ ? 0 : request_.body.size());
}

std::string_view Exchange::to_send() const noexcept {
  if (sent_ < head_.size()) return std::string_view(head_).substr(sent_);
  if (glued_) return {};
  return std::string_view(request_.body).substr(sent_ - head_.size());
}

void Exchange::sent(std::size_t bytes) {
  if (step_ != Step::send) return;  // the answer overtook the report
  sent_ += bytes;
  if (sent_ == request_size()) step_ = Step::receive;
}

void Exchange::send_failed(int error) {
  if (step_ != Step::send || retry()) return;
  send_error_ = error;
  step_ = Step::receive;
}

std::size_t Exchange::feed(std::string_view bytes) {
  std::string_view input = bytes;
  while (step_ == Step::send || step_ == Step::receive) {
    switch (with_context([&] { return parser_.next(input); })) {
      case Event::need_input:
        return bytes.size();
      case Event::head:
        on_head();
        break;
      case Event::body:
        on_body(parser_.piece());
        break;
      case Event::end:
        finish(/*clean=*/input.empty());
        break;
    }
  }
  return bytes.size() - input.size();
}

void Exchange::on_head() {
  Response& response = parser_.response();
  following_ = options_.follow_redirects && is_redirect(response.status) &&
               response.headers.contains("Location");
  // Who answers "no" or "elsewhere" before the request is whole will not read the rest (RFC 9112
  // section 9.5); a success may well come early from a server that works as it reads.
  if (following_ || response.status >= 400) step_ = Step::receive;
  const Framing& framing = parser_.body().framing();
  if (following_) {
    if (framing.kind == Framing::Kind::until_close || framing.length > kMaxDiscarded) {
      finish(/*clean=*/false);
    }
    return;
  }
  response.url = request_.url;
  if (options_.on_head) options_.on_head(response);
  if (!options_.on_body && framing.kind == Framing::Kind::length) {
    response.body.reserve(static_cast<std::size_t>(std::min(framing.length, kMaxReserved)));
  }
}

void Exchange::on_body(std::string_view piece) {
  if (following_) {
    discarded_ += piece.size();
    if (discarded_ > kMaxDiscarded) finish(/*clean=*/false);
  } else if (options_.on_body) {
    options_.on_body(piece);
  } else {
    parser_.response().body.append(piece);
  }
}

void Exchange::finish(bool clean) {
  can_keep_ = clean && parser_.keep_alive() && sent_ == request_size() &&
              !request_.headers.has_token("Connection", "close");
  if (following_) {
    with_context([&] { return redirects_.follow(parser_.response(), request_); });
    start_hop();
  } else {
    step_ = Step::done;
  }
}

void Exchange::end_of_stream() {
  if (step_ != Step::send && step_ != Step::receive) return;
  if (parser_.idle()) {
    if (retry()) return;
    if (send_error_ != 0) throw_errno(context() + ": send", send_error_);
    throw Truncated(context() + ": the server closed the connection without an answer");
  }
  with_context([&] { parser_.end_of_stream(); });
  finish(/*clean=*/false);
}

void Exchange::receive_failed(int error) {
  if (step_ != Step::send && step_ != Step::receive) return;
  if (retry()) return;
  if (parser_.idle() && send_error_ != 0) throw_errno(context() + ": send", send_error_);
  throw_errno(context() + ": receive", error);
}

bool Exchange::retry() {
  // A kept-alive connection may have been closed by the server while our request was on its way.
  // Nothing of an answer has come, so if repeating is harmless, repeat (RFC 9110 section 9.2.2,
  // RFC 9112 section 9.3.1), once, on a connection that cannot be stale.
  const bool harmless = sent_ == 0 || is_idempotent(request_.method);
  if (!reused_ || retried_ || !harmless || !parser_.idle()) return false;
  retried_ = true;
  can_keep_ = false;
  start_attempt(/*fresh=*/true);
  return true;
}

Response Exchange::take_response() {
  assert(step_ == Step::done);
  return std::move(parser_.response());
}

std::string Exchange::context() const {
  std::string text = request_.method;
  for (char& c : text) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return text + " " + request_.url.to_display();
}

}  // namespace simul::http
