// One client, from its first byte to its last, by a thread that does nothing else meanwhile.
//
//     wait for a request -> head -> the page -> answer -> what is left of the request -+
//            ^                                                                         |
//            +-------------------------------------------------------------------------+
//
// This reads from top to bottom, which is the beauty of it: where the client is in its conversation
// is where the thread is in this function. What HTTP demands is in the runtime's ServerConnection,
// the same as in the server on a loop; here bytes are moved and time is kept. The sockets do not
// block, but the thread does, in poll(2), and nowhere else: a read that blocks knows no time limit.
//
// The invariant: a client that says nothing, or reads nothing, is not waited for longer than the
// limits say.
#pragma once

#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <climits>
#include <ctime>
#include <string>
#include <string_view>
#include <utility>

#include "lessons/19-web-server/page.hpp"
#include "runtime/base/clock.hpp"
#include "runtime/base/error.hpp"
#include "runtime/base/unique_fd.hpp"
#include "runtime/http/date.hpp"
#include "runtime/http/error.hpp"
#include "runtime/http/server_connection.hpp"
#include "runtime/net/socket.hpp"

namespace simul {

/// What a server tells its connections.
struct Serving {
  Duration query;   ///< how long the page waits for its query
  int stop;         ///< a descriptor that is readable when the program is to end
  int others = -1;  ///< one that is readable when somebody waits for this thread; -1: nobody does
  Duration header_timeout = std::chrono::seconds(15);
  Duration idle_timeout = std::chrono::seconds(60);
  Duration write_timeout = std::chrono::seconds(60);
};

/// Waits until one of these is readable (the first one also, with POLLOUT, writable); returns its
/// number, or -1 once `deadline` has passed. -1 among the descriptors is none.
inline int wait_for_one(short events, TimePoint deadline, int first, int second, int third) {
  for (;;) {
    pollfd fds[3] = {{first, events, 0}, {second, POLLIN, 0}, {third, POLLIN, 0}};
    int milliseconds = -1;
    if (deadline != kNever) {
      const Duration left = std::max(deadline - Clock::now(), Duration::zero());
      milliseconds = static_cast<int>(
          std::min<long long>(std::chrono::ceil<std::chrono::milliseconds>(left).count(), INT_MAX));
    }
    const int count = ::poll(fds, 3, milliseconds);
    if (count < 0 && errno != EINTR) throw_errno("poll");
    if (count == 0) return -1;
    for (int i = 0; count > 0 && i < 3; ++i) {
      if (fds[i].revents != 0) return i;
    }
  }
}

/// For one thread; it serves one client and is of no further use.
class BlockingConnection {
 public:
  /// `how` must outlive it.
  BlockingConnection(UniqueFd socket, const Serving& how) noexcept
      : socket_(std::move(socket)), how_(how) {
    net::set_no_delay(socket_.get());
  }

  /// The whole of it. Throws std::system_error if the system refuses a thing that it should not.
  void serve() {
    for (bool first = true;; first = false) {
      http::Response response;
      switch (read_head(first)) {
        case Head::there:
          response = answer(http_.request(), how_.query);
          break;
        case Head::refused:
          response = text_page(status_, why_ + "\n");
          http_.close_after_this();
          break;
        case Head::none:
          return;
      }
      // Whoever waits for us is next: this client may come back, and stands behind them then.
      if (wait_for_one(0, Clock::now(), -1, how_.stop, how_.others) >= 0) http_.close_after_this();
      std::string head = "Date: " + http::format_date(std::time(nullptr)) + "\r\n";
      std::string out;
      const std::string_view large = http_.answer(out, response, head);
      if (!send(out) || !send(large)) return;
      if (!http_.keeps_open()) {
        // Closing with bytes unread would reset the connection, and the answer be lost with it.
        if (!http_.whole() || !input_.empty()) linger();
        return;
      }
      if (!skip_body()) return;
      http_.next_request();
    }
  }

 private:
  enum class Head { there, refused, none };
  enum class Got { bytes, end, others, nothing };

  Head refuse(int status, std::string why) {
    status_ = status;
    why_ = std::move(why);
    return Head::refused;
  }

  Head read_head(bool first) {
    // Nobody connects to say nothing: the first head is due at once.
    TimePoint deadline = after(Clock::now(), first ? how_.header_timeout : how_.idle_timeout);
    bool begun = first;
    try {
      while (http_.next(input_) != http::Event::head) {
        const bool idle = http_.idle();
        if (!idle && !begun) {
          begun = true;
          deadline = after(Clock::now(), how_.header_timeout);
        }
        switch (receive(deadline, /*may_leave=*/idle, /*for_others=*/idle && !first)) {
          case Got::bytes:
            break;
          case Got::nothing:
            if (idle) return Head::none;
            return refuse(408, "the head of the request did not come in time");
          default:
            return Head::none;
        }
      }
      return Head::there;
    } catch (const http::ProtocolError& error) {
      return refuse(error.status(), error.what());
    } catch (const http::TooLarge& error) {
      return refuse(error.status(), error.what());
    }
  }

  // Of a request whose page had no use for it. False: the connection is of no use any more.
  bool skip_body() try {
    while (!http_.whole()) {
      if (http_.next(input_) == http::Event::need_input &&
          receive(after(Clock::now(), how_.header_timeout)) != Got::bytes) {
        return false;
      }
    }
    return true;
  } catch (const std::exception&) {  // it was wrong; the answer has gone out already
    return false;
  }

  // `may_leave`: not while the program is to end; `for_others`: nor while somebody else waits.
  Got receive(TimePoint deadline, bool may_leave = false, bool for_others = false) {
    for (;;) {
      if (Clock::now() >= deadline) return Got::nothing;  // also for one that sends byte by byte
      const net::Transfer got = net::try_receive(socket_.get(), buffer_);
      if (got.outcome == net::Outcome::done) {
        input_ = {buffer_, got.bytes};
        return Got::bytes;
      }
      if (got.outcome != net::Outcome::would_block) return Got::end;
      if (wait_for_one(POLLIN, deadline, socket_.get(), may_leave ? how_.stop : -1,
                       for_others ? how_.others : -1) > 0) {
        return Got::others;
      }
    }
  }

  bool send(std::string_view bytes) {
    while (!bytes.empty()) {
      const net::Transfer sent = net::try_send(socket_.get(), bytes);
      if (sent.outcome == net::Outcome::failed) return false;
      bytes.remove_prefix(sent.bytes);
      if (sent.outcome == net::Outcome::would_block &&
          wait_for_one(POLLOUT, after(Clock::now(), how_.write_timeout), socket_.get(), -1, -1) <
              0) {
        return false;
      }
    }
    return true;
  }

  void linger() {
    ::shutdown(socket_.get(), SHUT_WR);
    const TimePoint deadline = after(Clock::now(), std::chrono::seconds(1));
    while (receive(deadline) == Got::bytes) {
    }
  }

  UniqueFd socket_;
  const Serving& how_;
  http::ServerConnection http_;
  std::string_view input_;  // received, and not yet looked at
  int status_ = 0;          // of a refusal, and its text
  std::string why_;
  char buffer_[16 * 1024];
};

}  // namespace simul
