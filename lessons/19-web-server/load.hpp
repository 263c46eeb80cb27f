// Many clients at once, from one thread: how a server does under load.
//
// Each client is a task with a connection that it keeps. It asks, waits for the whole answer, and
// asks again: the load is as large as the server's answers let it be (a closed loop), and a server
// that does not answer is not asked more. Three phases:
//
//     opening     all connect, a few at a time; who cannot, goes on trying
//     window      all ask. What is answered in it counts as requests per second
//     patience    nobody asks any more, but who has asked may still be answered
//
// A client that was not answered even then is no gap in the list of times: it has waited for so
// long at least, and the median and the 99 % know it. Leaving it out would make the slowest servers
// look best.
//
// The invariant: every request that was begun is answered, failed or unanswered in the report.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <limits>
#include <map>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "runtime/base/clock.hpp"
#include "runtime/base/error.hpp"
#include "runtime/http/message_parser.hpp"
#include "runtime/net/address.hpp"
#include "runtime/net/connect.hpp"
#include "runtime/net/socket.hpp"
#include "runtime/reactor/descriptor.hpp"
#include "runtime/reactor/sleep.hpp"
#include "runtime/sync/event.hpp"
#include "runtime/task/task.hpp"
#include "runtime/task/task_group.hpp"
#include "runtime/task/timeout.hpp"

namespace simul {

/// What is to be asked, by how many, and for how long.
struct LoadOptions {
  net::Address server;
  std::string host;  ///< the Host header
  std::string target = "/";
  std::size_t clients = 10;
  std::size_t each = std::numeric_limits<std::size_t>::max();  ///< so many requests, and no more
  Duration opening = std::chrono::seconds(2);  ///< the longest that the first phase may last
  Duration window = std::chrono::seconds(1);
  Duration patience = std::chrono::seconds(1);  ///< and the last
  std::string name = "client";                  ///< of the tasks
};

/// What became of it.
struct LoadReport {
  /// How long something took; or, with `at_least`, how long it had lasted when we stopped looking.
  struct Time {
    float seconds = 0;
    bool at_least = false;
    bool operator<(const Time& other) const { return seconds < other.seconds; }
  };

  std::vector<Time> times;      ///< of every request that did not fail, the shortest first
  std::uint64_t in_window = 0;  ///< how many were answered before it was over
  std::uint64_t answered = 0;
  std::uint64_t unanswered = 0;
  std::uint64_t failed = 0;
  std::map<std::string, std::uint64_t> failures;  ///< why, and how often
  double window = 0;                              ///< seconds that it really lasted

  /// Answers per second of the window.
  double rate() const { return window > 0 ? static_cast<double>(in_window) / window : 0; }

  /// The time below which this part of them lies: 0.5 is the median. Not without any.
  Time quantile(double part) const {
    if (times.empty()) return {std::numeric_limits<float>::infinity(), true};
    const auto rank = static_cast<std::size_t>(part * static_cast<double>(times.size()));
    return times[std::min(rank, times.size() - 1)];
  }
};

/// One run. Its connections stay open until it is destroyed. Thread: the reactor's.
class Load {
 public:
  explicit Load(LoadOptions options)
      : options_(std::move(options)),
        request_("GET " + options_.target + " HTTP/1.1\r\nHost: " + options_.host + "\r\n\r\n"),
        buffer_(64 * 1024) {}

  /// Once. What goes wrong with a client is in the report and stops nobody else.
  Task<LoadReport> run() {
    auto all = [this](TaskGroup& group) -> Task<> { co_await direct(group); };
    co_await task_group(all);
    std::sort(report_.times.begin(), report_.times.end());
    co_return std::move(report_);
  }

 private:
  struct Client {
    Descriptor socket;
    http::ResponseParser parser;
    bool used = false;     // the connection has had an answer
    bool drained = false;  // what had come was taken: wait before the next try
    bool asking = false;
    TimePoint asked{};
  };

  // The three phases.
  Task<> direct(TaskGroup& group) {
    std::vector<TaskHandle<>> tasks;
    for (std::size_t i = 0; i < options_.clients; ++i) {
      Client& client = clients_.emplace_back();
      tasks.push_back(
          group.create_task(live(client, i), options_.name + " " + std::to_string(i + 1)));
    }
    auto all_open = [this]() -> Task<> { co_await opened_.wait(); };
    auto all_done = [this]() -> Task<> { co_await done_.wait(); };
    co_await at_most(options_.opening, all_open);
    begin_ = Clock::now();
    begun_.set();
    co_await at_most(options_.window, all_done);
    over_ = true;
    report_.window = to_seconds(Clock::now() - begin_);
    co_await at_most(options_.patience, all_done);
    for (TaskHandle<>& task : tasks) task.cancel();
    for (Client& client : clients_) {
      if (!client.asking) continue;
      ++report_.unanswered;
      report_.times.push_back(
          {static_cast<float>(to_seconds(Clock::now() - client.asked)), /*at_least=*/true});
    }
  }

  template <class Body>
  static Task<> at_most(Duration limit, Body& body) {
    try {
      co_await timeout(limit, body);
    } catch (const TimedOut&) {
    }
  }

  Task<> live(Client& client, std::size_t number) {
    // All at once, and the kernel's queue of those who wait to be accepted would overflow.
    if (number > 0) co_await sleep(number * std::chrono::microseconds(25));
    try {
      co_await open(client);
    } catch (const std::exception& error) {
      failed(error.what());
    }
    if (++open_ == options_.clients) opened_.set();
    co_await begun_.wait();
    for (std::size_t n = 0; n < options_.each && !over_; ++n) {
      client.asking = true;
      client.asked = std::max(n == 0 ? begin_ : Clock::now(), begin_);
      bool pause = false;
      try {
        co_await ask(client);
        answered(client);
      } catch (const std::exception& error) {
        client.socket.close();
        client.asking = false;
        failed(error.what());
        pause = true;  // whoever said no is not to be asked again at once
      }
      if (pause && !over_) co_await sleep(std::chrono::milliseconds(100));
    }
    if (++finished_ == options_.clients) done_.set();
  }

  void answered(Client& client) {
    client.asking = false;
    ++report_.answered;
    if (!over_) ++report_.in_window;
    report_.times.push_back({static_cast<float>(to_seconds(Clock::now() - client.asked)), false});
  }

  void failed(const std::string& why) {
    ++report_.failed;
    // A server may have a new excuse each time.
    const bool known = report_.failures.size() < 20 || report_.failures.contains(why);
    ++report_.failures[known ? why : "and other reasons"];
  }

  Task<> open(Client& client) {
    client.used = client.drained = false;
    net::ConnectOptions options;
    options.attempt = std::chrono::hours(1);  // who waits, waits
    auto connecting = net::connect(options_.server, std::move(options));
    client.socket = co_await connecting;
  }

  // One request and its answer. A server may close a connection that was kept at any moment, so a
  // request that met such an end is made once more on a new one (RFC 9112 section 9.3.1).
  Task<> ask(Client& client) {
    for (;;) {
      if (!client.socket) co_await open(client);
      client.parser.reset();
      if (co_await exchange(client)) break;
      const bool was_used = client.used;
      client.socket.close();
      if (!was_used) throw std::runtime_error("closed without an answer");
    }
    client.used = true;
    if (!client.parser.keep_alive()) client.socket.close();
  }

  // False if the connection ended before the answer began.
  Task<bool> exchange(Client& client) {
    http::ResponseParser& parser = client.parser;
    std::string excuse;
    for (std::string_view left = request_; !left.empty();) {
      const net::Transfer sent = net::try_send(client.socket.fd(), left);
      if (sent.outcome == net::Outcome::failed) break;  // it may have said why
      left.remove_prefix(sent.bytes);
      if (sent.outcome == net::Outcome::would_block) co_await client.socket.writable();
    }
    while (!parser.done()) {
      if (client.drained) {
        co_await client.socket.readable();
        client.drained = false;
      }
      const net::Transfer got = net::try_receive(client.socket.fd(), buffer_);
      if (got.outcome == net::Outcome::would_block) {
        client.drained = true;
        continue;
      }
      if (got.outcome != net::Outcome::done) {
        if (parser.idle()) co_return false;
        if (got.outcome == net::Outcome::failed) throw_errno("receive", got.error);
        parser.end_of_stream();
        break;
      }
      client.drained = got.bytes < buffer_.size() && !client.socket.hung_up();
      std::string_view input(buffer_.data(), got.bytes);
      for (;;) {
        const http::Event event = parser.next(input);
        if (event == http::Event::body && parser.response().status >= 400 && excuse.size() < 200) {
          excuse += parser.piece();
        }
        if (event == http::Event::need_input || event == http::Event::end) break;
      }
      if (!input.empty()) throw std::runtime_error("more came than an answer");
    }
    const int status = parser.response().status;
    if (status >= 400) {
      excuse = excuse.substr(0, std::min<std::size_t>(excuse.find('\n'), 200));
      throw std::runtime_error(std::to_string(status) + (excuse.empty() ? "" : " " + excuse));
    }
    co_return true;
  }

  const LoadOptions options_;
  const std::string request_;
  std::vector<char> buffer_;  // everybody's: what is in it is looked at before anybody waits
  std::deque<Client> clients_;
  std::size_t open_ = 0;
  std::size_t finished_ = 0;
  Event opened_;
  Event begun_;
  Event done_;
  TimePoint begin_{};
  bool over_ = false;
  LoadReport report_;
};

}  // namespace simul
