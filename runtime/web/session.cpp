#include "runtime/web/session.hpp"

#include <string_view>
#include <utility>

#include "runtime/http/error.hpp"
#include "runtime/web/flight.hpp"

namespace simul::web {
namespace {

void add_query(http::Url& url, const http::FormFields& params) {
  if (params.empty()) return;
  const bool more = url.query && !url.query->empty();
  url.query = (more ? *url.query + "&" : "") + http::encode_form(params);
}

void set_body(http::Request& request, CallOptions& options) {
  request.body = std::move(options.body);
  if (!options.form) return;
  if (!request.body.empty()) throw http::InvalidMessage("a request has one body: text or form");
  request.body = http::encode_form(*options.form);
  if (!request.headers.contains("Content-Type")) {
    request.headers.add("Content-Type", http::kFormType);
  }
}

// The caller's wishes before the session's. Part of a coded body cannot be decoded (RFC 9110
// section 14.2), so who wants a range is not given one.
http::Headers headers_for(CallOptions& options, const SessionCore& core, bool decode) {
  const http::Headers& defaults = core.headers(decode && !options.headers.contains("Range"));
  if (options.headers.empty()) return defaults;
  http::Headers headers = std::move(options.headers);
  for (const auto [name, value] : defaults) {
    if (!headers.contains(name)) headers.add(name, value);
  }
  return headers;
}

Ref<Flight> take_off(const Ref<SessionCore>& core, std::string method, std::string_view url,
                     CallOptions& options, bool streamed) {
  const SessionOptions& defaults = core->options;
  FlightPlan plan;
  plan.timeouts = options.timeouts.value_or(defaults.timeouts);
  plan.follow_redirects = options.follow_redirects.value_or(defaults.follow_redirects);
  plan.decode = options.decode.value_or(defaults.decode);
  plan.streamed = streamed;
  http::Request request;
  request.method = std::move(method);
  request.url = http::Url::parse(url);
  add_query(request.url, options.params);
  request.headers = headers_for(options, *core, plan.decode);
  set_body(request, options);
  return Ref<Flight>(new Flight(core, std::move(request), plan));
}

// The coroutines hold what they need: whose member they seem to be may go, or be moved, before they
// are awaited.

Task<http::Response> fetch(Ref<SessionCore> core, std::string method, std::string url,
                           CallOptions options) {
  const Ref<Flight> flight = take_off(core, std::move(method), url, options, /*streamed=*/false);
  co_await flight->advance(Flight::Until::end);
  co_return flight->take_response();
}

Task<StreamedResponse> start_stream(Ref<SessionCore> core, std::string method, std::string url,
                                    CallOptions options) {
  const Ref<Flight> flight = take_off(core, std::move(method), url, options, /*streamed=*/true);
  co_await flight->advance(Flight::Until::head);
  co_return StreamedResponse(flight);
}

Task<std::string_view> read_piece(Ref<Flight> flight) {
  co_return co_await flight->read();
}

Task<std::string> read_rest(Ref<Flight> flight) {
  std::string rest;
  for (;;) {
    const std::string_view piece = co_await flight->read();
    if (piece.empty()) co_return rest;
    rest += piece;
  }
}

}  // namespace

CallOptions::CallOptions() = default;

// --- Session ------------------------------------------------------------------------------------

Session::Session(SessionOptions options) : core_(new SessionCore(std::move(options))) {}
Session::Session(Session&&) noexcept = default;
Session& Session::operator=(Session&& other) noexcept {
  std::swap(core_, other.core_);
  return *this;
}
Session::~Session() {
  close();
}

Task<http::Response> Session::get(std::string url, CallOptions options) {
  return fetch(core_, "GET", std::move(url), std::move(options));
}
Task<http::Response> Session::head(std::string url, CallOptions options) {
  return fetch(core_, "HEAD", std::move(url), std::move(options));
}
Task<http::Response> Session::options(std::string url, CallOptions options) {
  return fetch(core_, "OPTIONS", std::move(url), std::move(options));
}
Task<http::Response> Session::delete_(std::string url, CallOptions options) {
  return fetch(core_, "DELETE", std::move(url), std::move(options));
}
Task<http::Response> Session::post(std::string url, CallOptions options) {
  return fetch(core_, "POST", std::move(url), std::move(options));
}
Task<http::Response> Session::put(std::string url, CallOptions options) {
  return fetch(core_, "PUT", std::move(url), std::move(options));
}
Task<http::Response> Session::patch(std::string url, CallOptions options) {
  return fetch(core_, "PATCH", std::move(url), std::move(options));
}

Task<http::Response> Session::request(std::string method, std::string url, CallOptions options) {
  return fetch(core_, std::move(method), std::move(url), std::move(options));
}
Task<StreamedResponse> Session::stream(std::string method, std::string url, CallOptions options) {
  return start_stream(core_, std::move(method), std::move(url), std::move(options));
}

void Session::close() noexcept {
  if (core_) core_->close();
}

bool Session::closed() const noexcept {
  return !core_ || core_->closed();
}

const ConnectionPool& Session::pool() const noexcept {
  return core_->pool;
}

// --- StreamedResponse ---------------------------------------------------------------------------

StreamedResponse::StreamedResponse(Ref<Flight> flight) noexcept : flight_(std::move(flight)) {}
StreamedResponse::StreamedResponse(StreamedResponse&& other) noexcept = default;
StreamedResponse& StreamedResponse::operator=(StreamedResponse&& other) noexcept {
  std::swap(flight_, other.flight_);
  return *this;
}
StreamedResponse::~StreamedResponse() {
  close();
}

const http::Response& StreamedResponse::head() const noexcept {
  return flight_->head();
}

Task<std::string_view> StreamedResponse::read() {
  return read_piece(flight_);
}

Task<std::string> StreamedResponse::read_all() {
  return read_rest(flight_);
}

void StreamedResponse::close() noexcept {
  if (flight_) flight_->close();
}

}  // namespace simul::web
