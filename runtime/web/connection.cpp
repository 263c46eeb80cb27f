#include "runtime/web/connection.hpp"

#include <sys/socket.h>

#include <system_error>
#include <utility>

#include "runtime/base/error.hpp"
#include "runtime/http/error.hpp"
#include "runtime/net/socket.hpp"
#include "runtime/reactor/sleep.hpp"
#include "runtime/task/timeout.hpp"

namespace simul::web {

using http::Event;

namespace {

// So many requests in a row, or pieces of a body, and the others have a turn.
constexpr int kInARow = 16;

// How long we listen to a client that has been told no, so that it hears that.
constexpr Duration kLinger = std::chrono::seconds(2);

}  // namespace

Connection::Connection(Ref<ServerCore> server, UniqueFd socket, Semaphore::Guard place) noexcept
    : server_(std::move(server)),
      place_(std::move(place)),
      socket_(std::move(socket), server_->options.peer) {
  server_->joined(*this);
}

Connection::~Connection() {
  if (work_ != nullptr) {
    work_->watch.clear();
    server_->give_back(std::move(work_));
  }
  socket_.close();  // before anybody hears that we have gone
  unlink();
  server_->left(*this);
}

net::Address Connection::peer() const {
  // The client's end of a Unix socket has no name as a rule.
  const net::Address peer = net::peer_address(socket_.fd());
  return peer.is_ip() ? peer : server_->address();
}

// --- From one request to the next ---------------------------------------------------------------

Task<> Connection::serve(std::unique_ptr<Connection> self) {
  Connection& c = *self;
  ServerCore& server = *c.server_;
  // Nobody connects to say nothing: the first head is due as if its first byte had come.
  TimePoint deadline = after(Clock::now(), server.options.header_timeout);
  for (int in_a_row = 0;;) {
    if (c.input_.empty()) {
      const std::span<char> buffer = server.buffer();
      const Received received = c.receive(buffer);
      if (received == Received::end) co_return;
      if (received == Received::nothing) {
        if (!co_await c.socket_.readable(deadline)) co_return;
        c.drained_ = false;
        in_a_row = 0;
        continue;
      }
    }
    if (c.work_ == nullptr) c.work_ = server.lend();
    if (!co_await c.serve_request()) co_return;
    if (c.input_.empty()) {
      server.give_back(std::move(c.work_));
      if (server.closing.is_set()) co_return;
      deadline = after(Clock::now(), server.options.idle_timeout);
    } else {
      c.work_->clear(server.options);
    }
    if (++in_a_row >= kInARow) {
      in_a_row = 0;
      c.keep_input();
      co_await Yield();
    }
  }
}

// Takes what has arrived, into `buffer` and `input_`. A short read has drained the socket, unless
// the end of the stream was reported too.
Connection::Received Connection::receive(std::span<char> buffer) noexcept {
  if (drained_) return Received::nothing;
  const net::Transfer got = net::try_receive(socket_.fd(), buffer);
  switch (got.outcome) {
    case net::Outcome::done:
      input_ = {buffer.data(), got.bytes};
      drained_ = got.bytes < buffer.size() && !socket_.hung_up();
      return Received::bytes;
    case net::Outcome::would_block:
      return Received::nothing;
    default:
      if (work_ != nullptr) work_->broken = true;
      return Received::end;
  }
}

// The server's buffer is everybody's as soon as we wait.
void Connection::keep_input() {
  if (input_.empty() || work_ == nullptr) return;
  if (input_.data() >= work_->rest.data() &&
      input_.data() < work_->rest.data() + work_->rest.size()) {
    return;  // it is out of there already
  }
  if (work_->buffer && input_.data() >= work_->buffer.get() &&
      input_.data() < work_->buffer.get() + ServerCore::kBufferSize) {
    return;
  }
  work_->rest.assign(input_);
  input_ = work_->rest;
}

// True if another request may follow.
Task<bool> Connection::serve_request() {
  Workspace& work = *work_;
  if (!co_await read_head()) co_return false;
  if (!work.refused) {
    if (work.http.idle()) co_return true;  // it was an empty line, which is nothing
    keep_input();
    co_await ask_handler();
    if (work.broken) {
      log(/*complete=*/false);
      co_return false;
    }
  }
  if (!co_await answer()) co_return false;
  if (!work.http.whole() && !co_await read_rest()) co_return false;
  work.http.next_request();
  co_return true;
}

// --- The head -----------------------------------------------------------------------------------

// False if there is nobody to answer. What is wrong is refused.
Task<bool> Connection::read_head() {
  Workspace& work = *work_;
  TimePoint deadline = kNever;
  for (;;) {
    try {
      if (work.http.next(input_) == Event::head) {
        if (server_->options.access_log) work.began = Clock::now();
        co_return true;
      }
    } catch (const http::ProtocolError& error) {
      prepare_refusal(error.status(), error.what());
      co_return true;
    } catch (const http::TooLarge& error) {
      prepare_refusal(error.status(), error.what());
      co_return true;
    }
    if (work.http.idle()) co_return true;
    const Duration limit = server_->options.header_timeout;
    if (deadline == kNever) deadline = after(Clock::now(), limit);
    for (bool in_time = true;;) {
      const Received received = receive(server_->buffer());
      if (received == Received::end) co_return false;
      // A peer that always has a byte ready never makes us wait, so the clock is asked as well.
      if (!in_time || Clock::now() >= deadline) {
        char why[100];
        std::snprintf(why, sizeof why, "the head of the request did not come within %g s",
                      to_seconds(limit));
        input_ = {};
        prepare_refusal(408, why);
        co_return true;
      }
      if (received == Received::bytes) break;
      in_time = co_await socket_.readable(deadline);
      drained_ = false;
    }
  }
}

void Connection::prepare_refusal(int status, std::string why) {
  Workspace& work = *work_;
  work.response = Response(status, std::move(why) + "\n");
  work.http.close_after_this();
  work.refused = true;
}

// --- The handler --------------------------------------------------------------------------------

Task<> Connection::ask_handler() {
  Workspace& work = *work_;
  work.request.connection_ = this;
  Handler* const handler = server_->router.find(work.request, work.response);
  if (handler == nullptr) co_return;
  watch_client();
  try {
    work.response = co_await (*handler)(work.request);
  } catch (const Cancelled&) {
    if (!work.watch.gone()) throw;
    work.broken = true;
  } catch (...) {
    on_handler_error();
  }
  stop_watching();
}

// While nothing more is expected from it.
void Connection::watch_client() {
  const Duration grace = server_->options.cancel_after_client_left;
  if (grace != Duration::max() && work_->http.whole()) work_->watch.start(socket_, *task_, grace);
}

void Connection::stop_watching() noexcept {
  PeerWatch& watch = work_->watch;
  if (watch.heard()) drained_ = false;
  if (watch.gone()) task_->uncancel();  // if it has answered all the same, we try to send that
  watch.clear();
}

void Connection::on_handler_error() {
  Workspace& work = *work_;
  if (work.broken) return;  // the client's doing
  try {
    if (work.misdeed != nullptr) std::rethrow_exception(work.misdeed);
  } catch (const http::ProtocolError& error) {
    return prepare_refusal(error.status(), error.what());
  } catch (const http::TooLarge& error) {
    return prepare_refusal(error.status(), error.what());
  } catch (const TimedOut& error) {
    return prepare_refusal(408, error.what());
  }
  server_->report(work.request.method() + " " + work.request.target(), std::current_exception());
  work.response = Response(500, "something went wrong here\n");
}

Task<std::string_view> Connection::read_body() {
  Workspace& work = *work_;
  if (work.misdeed != nullptr) std::rethrow_exception(work.misdeed);
  for (int in_a_row = 0;;) {
    try {
      const Event event = work.http.next(input_);
      if (event == Event::body) co_return work.http.piece();
      if (event == Event::end) break;
    } catch (...) {
      work.misdeed = std::current_exception();
      throw;
    }
    if (work.http.wants_invitation()) {
      work.out.clear();
      work.http.invite(work.out);
      if (!push(work.out)) co_await push_the_rest();
      work.out.clear();
    }
    if (work.buffer == nullptr) work.buffer.reset(new char[ServerCore::kBufferSize]);
    const std::span<char> buffer(work.buffer.get(), ServerCore::kBufferSize);
    Received received;
    while ((received = receive(buffer)) == Received::nothing) {
      in_a_row = 0;
      co_await socket_.readable(work.reading.deadline());
      drained_ = false;
      if (!work.reading.waited()) {
        work.misdeed = std::make_exception_ptr(TimedOut("the body of the request came too slowly"));
        std::rethrow_exception(work.misdeed);
      }
    }
    if (received == Received::end) {
      throw std::system_error(ECONNRESET, std::generic_category(), "read the body of a request");
    }
    work.reading.moved(input_.size());
    if (++in_a_row >= kInARow) {
      in_a_row = 0;
      co_await Yield();
    }
  }
  if (!work.http.answered()) watch_client();
  co_return std::string_view();
}

// --- The answer ---------------------------------------------------------------------------------

// True if the connection goes on.
Task<bool> Connection::answer() {
  Workspace& work = *work_;
  http::ServerConnection& http = work.http;
  skip_what_has_come();
  if (server_->closing.is_set()) http.close_after_this();
  if (work.response.upgrade) co_return co_await change_protocol();
  work.out.clear();
  std::string_view body;
  try {
    if (work.response.stream)
      http.begin(work.out, work.response, server_->date_line());
    else
      body = http.answer(work.out, work.response, server_->date_line());
  } catch (const http::InvalidMessage&) {
    server_->report(work.request.method() + " " + work.request.target(), std::current_exception());
    work.response = Response(500, "something went wrong here\n");
    work.out.clear();
    body = http.answer(work.out, work.response, server_->date_line());
  }
  server_->statistics->answered.store(
      server_->statistics->answered.load(std::memory_order_relaxed) + 1, std::memory_order_release);
  bool complete = true;
  try {
    if (!push(work.out, body)) co_await push_the_rest();
    if (http.finished())
      work.body_sent = work.response.body.size();
    else
      co_await answer_in_pieces();
  } catch (const std::exception&) {
    complete = false;
    if (!work.broken) {
      server_->report(work.request.method() + " " + work.request.target(),
                      std::current_exception());
    }
  }
  log(complete);
  if (!complete) {
    cut();
    co_return false;
  }
  if (http.keeps_open()) co_return true;
  // Closing with bytes unread would reset the connection, and the answer might be lost with it.
  if (!http.whole() || !input_.empty()) co_await linger();
  co_return false;
}

Task<> Connection::answer_in_pieces() {
  Workspace& work = *work_;
  BodyWriter writer(*this);
  watch_client();
  try {
    co_await work.response.stream(writer);
  } catch (const Cancelled&) {
    if (!work.watch.gone()) throw;
    work.broken = true;
  }
  stop_watching();
  if (work.broken) throw std::system_error(EPIPE, std::generic_category(), "send an answer");
  work.out.clear();
  work.http.finish(work.out);
  if (!push(work.out)) co_await push_the_rest();
}

Task<> Connection::write_body(std::string_view piece) {
  const http::ServerConnection::Framed framed = work_->http.frame(piece);
  if (framed.piece.empty()) co_return;
  if (!push(framed.before, framed.piece, framed.after)) co_await push_the_rest();
  work_->body_sent += piece.size();
}

// Starts to send these, in this order; they stay where they are until all is sent. True: it is.
bool Connection::push(std::string_view before, std::string_view piece, std::string_view after) {
  auto place = [](std::string_view bytes) {
    return iovec{const_cast<char*>(bytes.data()), bytes.size()};
  };
  work_->sending = {{place(before), place(piece), place(after)}};
  return push_more();
}

bool Connection::push_more() {
  Workspace::Sending& sending = work_->sending;
  for (;;) {
    while (sending.next < 3 && sending.pieces[sending.next].iov_len == 0) ++sending.next;
    if (sending.next >= 3) return true;
    const iovec& first = sending.pieces[sending.next];
    // One piece alone, as most answers are, is sent by the simpler call.
    const bool alone = sending.next == 2 || (sending.pieces[1].iov_len == 0 && sending.next == 0 &&
                                             sending.pieces[2].iov_len == 0);
    const net::Transfer sent =
        alone ? net::try_send(socket_.fd(),
                              std::string_view(static_cast<char*>(first.iov_base), first.iov_len))
              : net::try_send(socket_.fd(),
                              std::span<const iovec>(&first, sending.pieces + 3 - &first));
    if (sent.outcome == net::Outcome::would_block) return false;
    if (sent.outcome == net::Outcome::failed) {
      work_->broken = true;
      throw_errno("send an answer", sent.error);
    }
    work_->writing.moved(sent.bytes);
    for (std::size_t left = sent.bytes; left > 0;) {
      iovec& piece = sending.pieces[sending.next];
      const std::size_t of_this = std::min(left, piece.iov_len);
      piece.iov_base = static_cast<char*>(piece.iov_base) + of_this;
      piece.iov_len -= of_this;
      left -= of_this;
      if (piece.iov_len == 0) ++sending.next;
    }
  }
}

Task<> Connection::push_the_rest() {
  do {
    co_await socket_.writable(work_->writing.deadline());
    if (!work_->writing.waited()) {
      work_->broken = true;
      throw TimedOut("the client takes the answer too slowly");
    }
  } while (!push_more());
}

// --- The end of a request -----------------------------------------------------------------------

// Of a body that the handler did not read.
void Connection::skip_what_has_come() noexcept {
  Workspace& work = *work_;
  if (work.http.whole() || work.refused) return;
  if (work.misdeed != nullptr) return work.http.close_after_this();
  try {
    while (!input_.empty() && work.http.next(input_) == Event::body) {
    }
  } catch (...) {
    work.misdeed = std::current_exception();
    work.http.close_after_this();
  }
}

// What is still to come of it; it is not much (ServerConnection::kMaxSkipped).
Task<bool> Connection::read_rest() {
  try {
    while (!(co_await read_body()).empty()) {
    }
  } catch (const std::exception&) {
    co_return false;
  }
  co_return true;
}

Task<bool> Connection::change_protocol() {
  Workspace& work = *work_;
  work.out.clear();
  bool complete = true;
  try {
    work.http.answer(work.out, work.response, server_->date_line());
    if (!push(work.out)) co_await push_the_rest();
  } catch (const std::exception&) {
    complete = false;
    if (!work.broken) {
      server_->report(work.request.method() + " " + work.request.target(),
                      std::current_exception());
    }
  }
  log(complete);
  if (!complete) co_return false;
  auto upgrade = std::move(work.response.upgrade);
  Upgraded connection(std::move(socket_), std::string(input_), server_->closing);
  const std::string what = work.request.method() + " " + work.request.target();
  input_ = {};
  upgraded_ = true;
  server_->give_back(std::move(work_));
  try {
    co_await upgrade(std::move(connection));
  } catch (const std::exception&) {
    server_->report(what, std::current_exception());
  }
  co_return false;
}

Task<> Connection::linger() {
  ::shutdown(socket_.fd(), SHUT_WR);
  const TimePoint deadline = after(Clock::now(), kLinger);
  for (;;) {
    const Received received = receive(server_->buffer());
    input_ = {};
    if (received == Received::end || Clock::now() >= deadline) co_return;
    if (received == Received::bytes) {
      co_await Yield();
      continue;
    }
    if (!co_await socket_.readable(deadline)) co_return;
    drained_ = false;
  }
}

// So that the client knows that what it has got is not all: its stream ends with an error.
void Connection::cut() noexcept {
  const ::linger now{1, 0};
  ::setsockopt(socket_.fd(), SOL_SOCKET, SO_LINGER, &now, sizeof now);
  socket_.close();
}

void Connection::log(bool complete) noexcept {
  if (!server_->options.access_log) return;
  const Workspace& work = *work_;
  AccessEntry entry;
  try {
    entry.peer = peer();
  } catch (const std::exception&) {  // it has gone
  }
  if (work.began != TimePoint{}) {
    entry.method = work.request.method();
    entry.target = work.request.target();
    entry.took = Clock::now() - work.began;
  }
  entry.minor_version = 1;
  entry.status = work.http.answered() ? work.response.status : 0;
  entry.bytes = entry.method == "HEAD" ? 0 : work.body_sent;
  entry.complete = complete;
  server_->log(entry);
}

// --- What handlers hold -------------------------------------------------------------------------

const std::string& Request::param(std::string_view name) const {
  for (const auto& [key, value] : params) {
    if (key == name) return value;
  }
  throw std::out_of_range("this route has no {" + std::string(name) + "}");
}

Task<std::string_view> Request::read() {
  return connection_->read_body();
}

Task<std::string> Request::read_all() {
  std::string all;
  for (;;) {
    const std::string_view piece = co_await read();
    if (piece.empty()) co_return all;
    all.append(piece);
  }
}

net::Address Request::peer() const {
  return connection_->peer();
}

simul::Event::SetWait Request::closing() {
  return connection_->server().closing.wait();
}

Task<> BodyWriter::write(std::string_view piece) {
  return connection_.write_body(piece);
}

}  // namespace simul::web
