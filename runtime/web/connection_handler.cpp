// A connection while its handler is at work: the handler, the body that it reads, and the client,
// who may go away meanwhile.
#include <exception>
#include <stdexcept>
#include <system_error>
#include <utility>

#include "runtime/base/error.hpp"
#include "runtime/http/error.hpp"
#include "runtime/reactor/sleep.hpp"
#include "runtime/web/connection.hpp"

namespace simul::web {

using http::Event;

// Null if there is none: then the answer is prepared.
Handler* Connection::find_handler() {
  Workspace& work = *work_;
  work.request.connection_ = this;
  Handler* const handler = server_->router.find(work.request, work.response);
  if (handler != nullptr) watch_client();
  return handler;
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
  if (work.misdeed != nullptr) {
    try {
      std::rethrow_exception(work.misdeed);
    } catch (const http::ProtocolError& error) {
      return prepare_refusal(error.status(), error.what());
    } catch (const http::TooLarge& error) {
      return prepare_refusal(error.status(), error.what());
    } catch (const TimedOut& error) {
      return prepare_refusal(408, error.what());
    } catch (...) {  // no memory, say: ours
    }
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
