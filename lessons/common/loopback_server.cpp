// The loopback server's thread and its fibers; see loopback_server.hpp.
//
// Nothing here is locked. All connections are fibers of one thread, and what they share (the
// count of open connections) changes only between two waits.
#include "lessons/common/loopback_server.hpp"

#include <sys/socket.h>

#include <array>
#include <exception>
#include <optional>
#include <string>
#include <system_error>
#include <utility>

#include "runtime/fiber/fiber.hpp"
#include "runtime/net/socket.hpp"
#include "runtime/reactor/descriptor.hpp"
#include "runtime/reactor/reactor.hpp"
#include "runtime/trace/recorder.hpp"

namespace simul {

using namespace std::chrono_literals;

// One connection, and the local variables of its fiber.
class LoopbackServer::Connection {
 public:
  Connection(LoopbackServer& server, UniqueFd socket)
      : server_(server), socket_(std::move(socket)), parser_(server.options_.limits) {}

  // Requests and answers, until one side has had enough.
  void run() {
    net::set_no_delay(socket_.fd());
    bool open = true;
    while (open) {
      try {
        if (!read_request()) return;
        open = parser_.keep_alive();
        if (!answer(ask_handler(), open)) return;
      } catch (const http::ProtocolError& error) {
        return refuse(error.status(), error.what());
      } catch (const http::TooLarge& error) {
        return refuse(error.status(), error.what());
      }
    }
    hang_up();
  }

 private:
  // False if the client has gone, or was too slow.
  bool read_request() {
    using http::Event;
    parser_.reset();
    const Options& options = server_.options_;
    TimePoint deadline = after(Clock::now(), options.idle);
    TimePoint end = kNever;  // of the whole request, known once it has begun
    for (;;) {
      switch (parser_.next(input_)) {
        case Event::need_input:
          if (!parser_.idle() && end == kNever) {
            end = after(Clock::now(), options.request);
            deadline = after(Clock::now(), options.header);
          }
          if (!receive(deadline)) return false;
          break;
        case Event::head:
          if (end == kNever) end = after(Clock::now(), options.request);
          deadline = end;
          if (parser_.request().headers.has_token("Expect", "100-continue") &&
              !send("HTTP/1.1 100 Continue\r\n\r\n")) {
            return false;
          }
          break;
        case Event::body:
          parser_.request().body += parser_.piece();
          break;
        case Event::end:
          return true;
      }
    }
  }

  // Waits for more input. Called only when all that there was has been used.
  bool receive(TimePoint deadline) {
    for (;;) {
      const net::Transfer got = net::try_receive(socket_.fd(), buffer_);
      if (got.outcome == net::Outcome::done) {
        input_ = {buffer_.data(), got.bytes};
        return true;
      }
      if (got.outcome != net::Outcome::would_block) return false;
      // A peer that always has a byte ready never makes us wait, so the clock is asked as well.
      if (Clock::now() >= deadline || !await(socket_.readable(deadline))) return false;
    }
  }

  http::Response ask_handler() {
    try {
      return server_.handler_(parser_.request());
    } catch (const std::exception& error) {
      return text_response(500, error.what() + std::string("\n"));
    }
  }

  bool answer(const http::Response& response, bool keep_alive) {
    const http::IncomingRequest& request = parser_.request();
    std::string text;
    http::write_response(text, response,
                         {.keep_alive = keep_alive,
                          .without_body = request.method == "HEAD",
                          .minor_version = request.minor_version});
    ++server_.answered_;  // before the client can know
    return send(text);
  }

  bool send(std::string_view text) {
    const TimePoint deadline = after(Clock::now(), server_.options_.send);
    while (!text.empty()) {
      const net::Transfer sent = net::try_send(socket_.fd(), text);
      if (sent.outcome == net::Outcome::failed) return false;
      text.remove_prefix(sent.bytes);
      if (text.empty()) break;
      if (Clock::now() >= deadline || !await(socket_.writable(deadline))) return false;
    }
    return true;
  }

  void refuse(int status, const std::string& why) {
    std::string text;
    http::write_response(text, text_response(status, why + "\n"), {.keep_alive = false});
    if (send(text)) hang_up();
  }

  // To close with input unread would reset the connection, and the client might lose the answer. So
  // we say that we are done, and listen a little while for the client to be done too.
  void hang_up() {
    ::shutdown(socket_.fd(), SHUT_WR);
    const TimePoint deadline = after(Clock::now(), 1s);
    while (receive(deadline) && Clock::now() < deadline) {
    }
  }

  LoopbackServer& server_;
  Descriptor socket_;
  http::RequestParser parser_;
  std::array<char, 4096> buffer_;
  std::string_view input_;  // what of the buffer is still to be parsed
};

LoopbackServer::LoopbackServer(Handler handler, Options options)
    : handler_(std::move(handler)), options_(std::move(options)) {
  UniqueFd listener = net::listen_on(options_.address);
  address_ = net::local_address(listener.get());
  std::promise<Remote> started;
  std::future<Remote> remote = started.get_future();
  thread_ =
      std::thread([this, &listener, &started] { run(std::move(listener), std::move(started)); });
  try {
    remote_ = remote.get();
  } catch (...) {
    thread_.join();
    throw;
  }
}

LoopbackServer::~LoopbackServer() {
  remote_.call_soon_threadsafe([] { Reactor::current().stop(); });
  thread_.join();
}

std::string LoopbackServer::url(std::string_view path) const {
  return "http://" + address_.to_string() + std::string(path);
}

void LoopbackServer::run(UniqueFd listener, std::promise<Remote> started) {
  trace::Recorder::leave_out_this_thread();  // it is what a lesson talks to, not what it shows
  std::optional<Reactor> reactor;
  try {
    reactor.emplace();
    spawn([this, &listener] { accept_all(std::move(listener)); }).named("accept");
    started.set_value(reactor->remote());
  } catch (...) {
    started.set_exception(std::current_exception());
    return;
  }
  reactor->run_forever();
}

void LoopbackServer::serve(UniqueFd socket) {
  try {
    Connection(*this, std::move(socket)).run();
  } catch (const std::exception&) {
    // Out of memory, say: this connection ends, and the others go on.
  }
  --open_;
}

void LoopbackServer::accept_all(UniqueFd socket) {
  constexpr int kAtATime = 64;  // then those that were accepted have a turn
  Descriptor listener(std::move(socket), Peer::outside, Trigger::level);
  for (int count = 1;; ++count) {
    net::Accepted accepted = net::accept_from(listener.fd());
    if (accepted.outcome == net::Outcome::done) {
      try {
        spawn([this](UniqueFd connection) { serve(std::move(connection)); },
              std::move(accepted.socket));
      } catch (const std::system_error&) {
        continue;  // no memory for a stack: the connection is closed
      }
      ++accepted_;
      ++open_;
      while (open_ >= options_.connections) this_fiber::sleep_for(10ms);
      if (count % kAtATime == 0) this_fiber::yield();
    } else if (accepted.outcome == net::Outcome::would_block) {
      await(listener.readable());
    } else {
      // Out of descriptors, most likely. They will not come back by asking again at once.
      this_fiber::sleep_for(50ms);
    }
  }
}

}  // namespace simul
