#include "runtime/web/connection.hpp"

#include <sys/socket.h>

#include <cstdio>
#include <utility>

#include "runtime/base/error.hpp"
#include "runtime/http/error.hpp"
#include "runtime/net/socket.hpp"
#include "runtime/reactor/sleep.hpp"

namespace simul::web {

using http::Event;

namespace {

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
  if (!parse_head() && !co_await read_head()) co_return false;
  if (!work.refused) {
    if (work.http.idle()) co_return true;  // it was an empty line, which is nothing
    keep_input();
    if (Handler* const handler = find_handler()) {
      try {
        work.response = co_await (*handler)(work.request);
      } catch (const Cancelled&) {
        if (!work.watch.gone()) throw;
        work.broken = true;
      } catch (...) {
        on_handler_error();
      }
      stop_watching();
      if (work.broken) {
        log(/*complete=*/false);
        co_return false;
      }
    }
  }
  prepare_answer();
  if (work.response.upgrade) co_return co_await change_protocol();
  const bool complete = begin_answer() || co_await finish_answer();
  log(complete);
  if (!complete) {
    cut();
    co_return false;
  }
  if (!work.http.keeps_open()) {
    // Closing with bytes unread would reset the connection, and the answer might be lost with it.
    if (!work.http.whole() || !input_.empty()) co_await linger();
    co_return false;
  }
  if (!work.http.whole() && !co_await read_rest()) co_return false;
  work.http.next_request();
  co_return true;
}

// --- The head -----------------------------------------------------------------------------------

// True if nothing more is to be waited for: the head is there, what came is wrong and refused, or
// it was nothing.
bool Connection::parse_head() {
  Workspace& work = *work_;
  try {
    if (work.http.next(input_) == Event::head) {
      if (server_->options.access_log) work.began = Clock::now();
      return true;
    }
  } catch (const http::ProtocolError& error) {
    prepare_refusal(error.status(), error.what());
    return true;
  } catch (const http::TooLarge& error) {
    prepare_refusal(error.status(), error.what());
    return true;
  }
  return work.http.idle();
}

// The rest of it. False if there is nobody to answer.
Task<bool> Connection::read_head() {
  const Duration limit = server_->options.header_timeout;
  const TimePoint deadline = after(Clock::now(), limit);
  do {
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
  } while (!parse_head());
  co_return true;
}

void Connection::prepare_refusal(int status, std::string why) {
  Workspace& work = *work_;
  work.response = Response(status, std::move(why) + "\n");
  work.http.close_after_this();
  work.refused = true;
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

}  // namespace simul::web
