// The frontier: what is to be asked for, and who may be asked now.
//
//     a:80   under way: 2 of 2      | /1 /2 /3 ...      full: somebody has to end first
//     b:80   under way: 1 of 2      | /x /y             its turn
//     c:80   under way: 0, not before 10:00:02.5 | /z   asked just now: it is left in peace
//     later  10:00:01 b:80 /w                           failed, and is tried again then
//
// Concurrency is what one wants for oneself, politeness what one owes to others: so there is one
// limit for all errands together, and for each host another, and a pause between two beginnings.
// The hosts take turns; within a host, first come, first served.
//
// It knows neither clock nor socket: it is asked with the time, and says when to ask again. The
// invariant: at no moment are more errands under way than the limits allow, nor do two to one host
// begin within its pause.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <vector>

#include "runtime/base/clock.hpp"

namespace simul::crawl {

/// How much at the same time, and how often.
struct Politeness {
  std::size_t in_all = 50;  ///< errands under way, at least 1
  std::size_t per_host = 2;
  Duration delay = std::chrono::milliseconds(500);  ///< between the beginnings of two, at one host
};

/// Something to be asked for at a host.
struct Errand {
  std::size_t host = 0;
  std::uint32_t address = 0;
  bool robots = false;  ///< not a page, but the host's robots.txt
  int failures = 0;     ///< how often it has been tried in vain
};

class Frontier {
 public:
  Frontier(std::size_t hosts, const Politeness& politeness)
      : politeness_(politeness), hosts_(hosts, Host{.delay = politeness.delay}) {}

  /// To be done when its turn comes.
  void add(const Errand& errand) {
    hosts_[errand.host].queue.push_back(errand);
    ++waiting_;
  }

  /// The same, but not before `time`; then ahead of those that are there.
  void add_later(const Errand& errand, TimePoint time) {
    later_.emplace(time, errand);
    ++waiting_;
  }

  /// The pause that a host wants; never shorter than our own.
  void set_delay(std::size_t host, Duration delay) {
    hosts_[host].delay = std::max(delay, politeness_.delay);
  }

  /// What may be begun at `now`; nothing if nothing may. It is under way until `ended`.
  std::optional<Errand> next(TimePoint now) {
    for (; !later_.empty() && later_.begin()->first <= now; later_.erase(later_.begin())) {
      const Errand& errand = later_.begin()->second;
      hosts_[errand.host].queue.push_front(errand);
    }
    if (under_way_ == politeness_.in_all) return std::nullopt;
    for (std::size_t i = 0; i < hosts_.size(); ++i) {
      Host& host = hosts_[(turn_ + i) % hosts_.size()];
      if (!may_begin(host) || host.not_before > now) continue;
      turn_ = (turn_ + i + 1) % hosts_.size();
      const Errand errand = host.queue.front();
      host.queue.pop_front();
      host.not_before = after(now, host.delay);
      ++host.under_way;
      ++under_way_;
      --waiting_;
      return errand;
    }
    return std::nullopt;
  }

  /// An errand to that host is over, whichever way.
  void ended(std::size_t host) {
    --hosts_[host].under_way;
    --under_way_;
  }

  /// When `next` may have something although nothing else happens meanwhile; kNever if only the end
  /// of an errand can change anything.
  TimePoint next_time() const {
    if (under_way_ == politeness_.in_all) return kNever;
    TimePoint time = later_.empty() ? kNever : later_.begin()->first;
    for (const Host& host : hosts_) {
      if (may_begin(host)) time = std::min(time, host.not_before);
    }
    return time;
  }

  std::size_t waiting() const { return waiting_; }
  std::size_t under_way() const { return under_way_; }

 private:
  struct Host {
    std::deque<Errand> queue{};
    std::size_t under_way = 0;
    Duration delay{};
    TimePoint not_before = TimePoint::min();
  };

  bool may_begin(const Host& host) const {
    return !host.queue.empty() && host.under_way < politeness_.per_host;
  }

  Politeness politeness_;
  std::vector<Host> hosts_;
  std::multimap<TimePoint, Errand> later_;
  std::size_t turn_ = 0;
  std::size_t waiting_ = 0;
  std::size_t under_way_ = 0;
};

}  // namespace simul::crawl
