// A connection when it answers: whole, in pieces, or by a change of protocol.
#include <sys/socket.h>

#include <algorithm>
#include <exception>
#include <new>
#include <system_error>
#include <utility>

#include "runtime/base/error.hpp"
#include "runtime/http/error.hpp"
#include "runtime/net/socket.hpp"
#include "runtime/web/connection.hpp"

namespace simul::web {

void Connection::prepare_answer() {
  Workspace& work = *work_;
  skip_what_has_come();
  if (work.response.upgrade && !work.http.whole()) {
    prepare_refusal(400, "a request that changes the protocol has no body");
  }
  if (server_->closing.is_set()) work.http.close_after_this();
  work.out.clear();
}

// True if it is all on its way already, as small answers are; else `finish_answer` goes on.
bool Connection::begin_answer() {
  Workspace& work = *work_;
  http::ServerConnection& http = work.http;
  std::string_view body;
  try {
    if (work.response.stream)
      http.begin(work.out, work.response, server_->date_line());
    else
      body = http.answer(work.out, work.response, server_->date_line());
  } catch (const http::InvalidMessage&) {
    report_answer();
    work.response = Response(500, "something went wrong here\n");
    work.out.clear();
    body = http.answer(work.out, work.response, server_->date_line());
  }
  auto& answered = server_->statistics->answered;
  answered.store(answered.load(std::memory_order_relaxed) + 1, std::memory_order_release);
  try {
    work.body_sent = http.finished() ? work.response.body.size() : 0;
    return push(work.out, body) && http.finished();
  } catch (const std::system_error&) {
    return false;  // `broken` says it
  }
}

// False if not all of it could be sent.
Task<bool> Connection::finish_answer() {
  Workspace& work = *work_;
  if (work.broken) co_return false;
  try {
    if (!push_more()) co_await push_the_rest();
    if (!work.http.finished()) co_await answer_in_pieces();
    co_return true;
  } catch (const std::exception&) {
    if (!work.broken) report_answer();
  }
  co_return false;
}

void Connection::report_answer() noexcept {
  try {
    server_->report(work_->request.method() + " " + work_->request.target(),
                    std::current_exception());
  } catch (const std::bad_alloc&) {
    server_->report("an answer", std::current_exception());
  }
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

Task<bool> Connection::change_protocol() {
  Workspace& work = *work_;
  bool complete = true;
  try {
    work.http.answer(work.out, work.response, server_->date_line());
    if (!push(work.out)) co_await push_the_rest();
  } catch (const std::exception&) {
    complete = false;
    if (!work.broken) report_answer();
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

// So that the client knows that what it has got is not all: its stream ends with an error.
void Connection::cut() noexcept {
  const ::linger now{1, 0};
  ::setsockopt(socket_.fd(), SOL_SOCKET, SO_LINGER, &now, sizeof now);
  socket_.close();
}

void Connection::log(bool complete) noexcept {
  if (!server_->options.access_log) return;
  Workspace& work = *work_;
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
  entry.minor_version = work.http.request().minor_version;
  entry.status = work.http.answered() ? work.response.status : 0;
  entry.bytes = entry.method == "HEAD" ? 0 : work.body_sent;
  entry.complete = complete;
  server_->log(entry);
}

}  // namespace simul::web
