// What is known of the web so far: addresses, what became of them, and which are still wanted.
//
//     depth 0        1          2         a page lies one deeper than the page that links to it,
//     http://a/ ---> /b ------> /c        a redirect's goal as deep as the redirect
//         `--------> /old ~~~~> /c        so here /c is of depth 1, whichever way was seen first
//
// Pages arrive in any order: what a slow page says may come long after what it says was found by a
// longer way. So a depth is no property of the way on which an address was found, but the length of
// the shortest that is known; when a shorter one turns up, the depth of everything behind it is
// lowered. What is wanted follows from that alone: an address of ours that lies no deeper than the
// limit, at the end of no more redirects in a row than the limit, and has not been settled.
//
// The invariant: whatever the order in which pages are settled, when nothing is wanted any more the
// same addresses have been settled. That is what makes two crawls comparable, and it is why a crawl
// can be interrupted and resumed: settle again what was settled, and what is wanted follows.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "lessons/21-web-crawler/page.hpp"
#include "runtime/http/url.hpp"

namespace simul::crawl {

class Known {
 public:
  using Id = std::uint32_t;
  static constexpr int kFar = std::numeric_limits<int>::max() - 1;
  static constexpr std::size_t kElsewhere = static_cast<std::size_t>(-1);

  /// How far to go.
  struct Limits {
    int depth = 8;
    int redirects = 20;  ///< in a row
    std::size_t addresses = 1'000'000;
  };

  struct Address {
    std::string url;                ///< in its normal form
    std::size_t host = kElsewhere;  ///< its place in `hosts()`
    int depth = kFar;
    int hops = kFar;  ///< redirects in a row that lead here; 0 if a page links to it
    bool given_out = false;
    std::optional<Page> page{};    ///< once it is settled
    std::vector<Id> links{};       ///< of its page, sorted, each once
    std::optional<Id> location{};  ///< where it redirects to
  };

  explicit Known(Limits limits) : limits_(limits) {}
  Known(const Known&) = delete;  // `ids_` points into `addresses_`
  Known& operator=(const Known&) = delete;

  /// Begin here, and stay on the hosts of all addresses that are given so. A normal URL.
  void add_seed(const std::string& url) {
    const std::string origin = http::Url::parse(url).origin().to_string();
    if (host_of(origin) == kElsewhere) {
      hosts_.push_back(origin);
      for (Address& address : addresses_) address.host = host_of_url(address.url);
    }
    if (const std::optional<Id> id = find_or_add(url)) lower(*id, 0, 0);
    spread();
  }

  /// Origins, "host:port": the only ones that are asked.
  const std::vector<std::string>& hosts() const { return hosts_; }

  /// What became of an address, and the normal URLs that it leads to.
  void settle(Id id, Page page, const std::vector<std::string>& links,
              const std::optional<std::string>& location) {
    std::vector<Id> targets;
    for (const std::string& url : links) {
      if (const std::optional<Id> target = find_or_add(url)) targets.push_back(*target);
    }
    std::sort(targets.begin(), targets.end());
    targets.erase(std::unique(targets.begin(), targets.end()), targets.end());
    const std::optional<Id> goal = location ? find_or_add(*location) : std::nullopt;
    Address& address = addresses_[id];
    if (!address.page) ++settled_;
    address.page = std::move(page);
    address.links = std::move(targets);
    address.location = goal;
    shorter_.push_back(id);
    spread();
  }

  /// The addresses that have become wanted since the last call, those nearest first as far as is
  /// known. Each is given out once.
  std::vector<Id> take_wanted() {
    std::vector<Id> wanted;
    for (const Id id : std::exchange(reached_, {})) {
      Address& address = addresses_[id];
      if (std::exchange(address.given_out, true) || address.page) continue;
      wanted.push_back(id);
    }
    return wanted;
  }

  /// Is it one to be settled, or settled already?
  bool in_reach(const Address& address) const {
    return address.host != kElsewhere && address.depth <= limits_.depth &&
           address.hops <= limits_.redirects;
  }

  const Address& operator[](Id id) const { return addresses_[id]; }
  std::size_t size() const { return addresses_.size(); }
  std::size_t settled() const { return settled_; }

  /// How many addresses were not kept because there were too many.
  std::size_t dropped() const { return dropped_; }
  const Limits& limits() const { return limits_; }

  /// The number of an address; adds it if it is new, unless there are too many.
  std::optional<Id> find_or_add(const std::string& url) {
    if (const auto found = ids_.find(url); found != ids_.end()) return found->second;
    if (addresses_.size() == limits_.addresses) {
      ++dropped_;
      return std::nullopt;
    }
    const Id id = static_cast<Id>(addresses_.size());
    addresses_.push_back({.url = url, .host = host_of_url(url)});
    ids_.emplace(addresses_.back().url, id);
    return id;
  }

 private:
  std::size_t host_of(std::string_view origin) const {
    const auto found = std::find(hosts_.begin(), hosts_.end(), origin);
    return found == hosts_.end() ? kElsewhere : static_cast<std::size_t>(found - hosts_.begin());
  }
  std::size_t host_of_url(const std::string& url) const {
    return host_of(http::Url::parse(url).origin().to_string());
  }

  void lower(Id id, int depth, int hops) {
    Address& address = addresses_[id];
    if (depth >= address.depth && hops >= address.hops) return;
    address.depth = std::min(address.depth, depth);
    address.hops = std::min(address.hops, hops);
    shorter_.push_back(id);
  }

  // Those that got nearer bring nearer what they lead to. Ends, since numbers only get smaller.
  void spread() {
    while (!shorter_.empty()) {
      const Id id = shorter_.front();
      shorter_.pop_front();
      const Address& address = addresses_[id];
      if (!in_reach(address)) continue;
      if (!address.page) {
        reached_.push_back(id);
        continue;
      }
      for (const Id target : address.links) lower(target, address.depth + 1, 0);
      if (address.location) lower(*address.location, address.depth, address.hops + 1);
    }
  }

  Limits limits_;
  std::vector<std::string> hosts_;
  std::deque<Address> addresses_;  // whose elements stay where they are
  std::unordered_map<std::string_view, Id> ids_;
  std::deque<Id> shorter_;  // whose neighbours are to be told
  std::vector<Id> reached_;
  std::size_t settled_ = 0;
  std::size_t dropped_ = 0;
};

}  // namespace simul::crawl
