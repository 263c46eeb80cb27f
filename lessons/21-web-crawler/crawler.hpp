// The crawler: hands out errands as long as there are any, and learns from what they bring home.
//
//              wanted                   next                 fetch
//     Known ----------> robots.txt? ----------> Frontier ----------> a task for each errand
//       ^                allowed                    ^                      |
//       |                                           `---- try again -------|
//       `------------------------- settle ---------------------------------'
//
// One task hands out; it waits until an errand has ended or the time has come for another. All
// errands are children of one group: whichever way the crawl ends, none of them is left running,
// and an errand that was cut off has left no trace, for only a page that is settled counts.
//
// Before the first page of a host its robots.txt is asked for, under the same rules of politeness;
// its pages wait meanwhile. 4xx: there is none, everything is allowed. No answer, or 5xx: nothing
// is (RFC 9309 section 2.3.1).
#pragma once

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "lessons/21-web-crawler/backoff.hpp"
#include "lessons/21-web-crawler/fetch.hpp"
#include "lessons/21-web-crawler/frontier.hpp"
#include "lessons/21-web-crawler/known.hpp"
#include "lessons/21-web-crawler/robots.hpp"
#include "runtime/http/url.hpp"
#include "runtime/reactor/watch.hpp"
#include "runtime/sync/event.hpp"
#include "runtime/task/task.hpp"
#include "runtime/task/task_group.hpp"
#include "runtime/task/timeout.hpp"
#include "runtime/web/session.hpp"

namespace simul::crawl {

/// How to crawl.
struct Settings {
  std::vector<std::string> seeds{};  ///< normal URLs; their hosts are the only ones asked
  Known::Limits reach{};
  Politeness politeness{};
  std::size_t pages = 10'000;  ///< so many are asked for, and no more
  Duration timeout =
      std::chrono::seconds(10);  ///< for one try, from the connection to the last byte
  std::size_t body = 1 << 20;    ///< how much of a page is read
  int retries = 3;               ///< after the first try
  Duration first_pause = std::chrono::seconds(1);     ///< before the first of them, at most
  Duration longest_pause = std::chrono::seconds(60);  ///< and before any: who asks for more is left
  std::uint64_t seed = 1;                             ///< of the pauses
  std::string agent = "simul-crawler";
  Peer peer = Peer::outside;  ///< `here`: the servers are on this loop; for tests in virtual time
};

/// What a person wants to see while it is under way.
struct Progress {
  std::size_t settled = 0;  ///< pages that were asked for and have come to something
  std::size_t under_way = 0;
  std::size_t waiting = 0;
  std::size_t broken = 0;
  std::uint64_t bytes = 0;
  std::size_t requests = 0;
  std::size_t retries = 0;
};

class Crawler {
 public:
  explicit Crawler(Settings settings)
      : settings_(std::move(settings)),
        known_(settings_.reach),
        frontier_(add_seeds(), settings_.politeness),
        rules_(known_.hosts().size()),
        backoff_(settings_.first_pause, settings_.longest_pause, settings_.seed),
        session_(session_options()) {}
  Crawler(const Crawler&) = delete;
  Crawler& operator=(const Crawler&) = delete;

  /// What was found so far. To resume, settle in it what was settled, before `crawl`.
  Known& known() { return known_; }
  const Known& known() const { return known_; }
  const Settings& settings() const { return settings_; }

  /// Until nothing is left or the limit on pages is reached. Call it once. Cancelled, it leaves
  /// what was settled, and nothing running.
  Task<> crawl() {
    for (Known::Id id = 0; id < known_.size(); ++id) count(known_[id].page);
    auto body = [this](TaskGroup& group) -> Task<> { co_await hand_out(group); };
    co_await task_group(body);
  }

  /// Was there more to be asked for than the limit on pages allowed?
  bool ended_early() const { return frontier_.waiting() > 0; }

  /// Hosts whose robots.txt could not be had, each with the reason: they were left alone.
  std::vector<std::string> left_alone() const {
    std::vector<std::string> lines;
    for (std::size_t i = 0; i < rules_.size(); ++i) {
      if (rules_[i].trouble.empty()) continue;
      lines.push_back("http://" + known_.hosts()[i] + "/robots.txt: " + rules_[i].trouble +
                      "; so nothing was asked for there");
    }
    return lines;
  }

  Progress progress() const {
    Progress progress = counts_;
    progress.under_way = frontier_.under_way();
    progress.waiting = frontier_.waiting();
    for (const HostRules& host : rules_) progress.waiting += host.waiting.size();
    return progress;
  }

 private:
  // Of one host; its pages wait until its rules are known.
  struct HostRules {
    bool asked = false;
    bool known = false;
    Robots rules{};
    std::string trouble{};  // why they could not be had
    std::vector<Known::Id> waiting{};
  };

  std::size_t add_seeds() {
    for (const std::string& seed : settings_.seeds) known_.add_seed(seed);
    return known_.hosts().size();
  }

  web::SessionOptions session_options() const {
    web::SessionOptions options;
    options.headers.set("User-Agent", settings_.agent);
    options.headers.set("Accept", "text/html, */*;q=0.5");
    options.connections.in_all = settings_.politeness.in_all;
    options.max_redirects = 5;  // of a robots.txt: pages are asked for one by one
    options.timeouts = {http::Timeouts::kForever, http::Timeouts::kForever,
                        http::Timeouts::kForever};  // `fetch` has one for all of it
    options.peer = settings_.peer;
    return options;
  }

  Task<> hand_out(TaskGroup& group) {
    for (;;) {
      for (const Known::Id id : known_.take_wanted()) place(id);
      news_.clear();
      while (has_room()) {
        const std::optional<Errand> errand = frontier_.next(Clock::now());
        if (!errand) break;
        const std::string url = url_of(*errand);
        group.create_task(run(*errand, url), name_of(url));
      }
      const bool more = frontier_.waiting() > 0 && has_room();
      if (frontier_.under_way() == 0 && !more) co_return;
      const TimePoint time = more ? frontier_.next_time() : kNever;
      try {
        co_await wait_for(news_.wait(), time == kNever ? Duration::max() : time - Clock::now());
      } catch (const TimedOut&) {  // it is time for the next one
      }
    }
  }

  bool has_room() const { return counts_.settled + frontier_.under_way() < settings_.pages; }

  std::string url_of(const Errand& errand) const {
    return errand.robots ? "http://" + known_.hosts()[errand.host] + "/robots.txt"
                         : known_[errand.address].url;
  }

  // For a trace: what differs comes first.
  static std::string name_of(const std::string& url) {
    const std::size_t path = url.find('/', 7);
    return url.substr(path) + " " + url.substr(7, path - 7);
  }

  // Somebody has linked to it, and it is one of ours.
  void place(Known::Id id) {
    const std::size_t number = known_[id].host;
    HostRules& host = rules_[number];
    if (!host.known) {
      host.waiting.push_back(id);
      if (!std::exchange(host.asked, true)) frontier_.add({.host = number, .robots = true});
    } else if (host.rules.allows(http::Url::parse(known_[id].url).target())) {
      frontier_.add({.host = number, .address = id});
    } else {
      known_.settle(id, {.outcome = Outcome::disallowed, .tries = 0}, {}, std::nullopt);
    }
  }

  Task<> run(Errand errand, std::string url) {
    const std::size_t limit = errand.robots ? Robots::kFileLimit : settings_.body;
    Fetched fetched = co_await fetch(session_, url, settings_.timeout, limit, errand.robots);
    frontier_.ended(errand.host);
    ++counts_.requests;
    if (!try_again(errand, fetched)) {
      fetched.page.tries = errand.failures + 1;
      if (errand.robots)
        learn_rules(errand.host, fetched);
      else
        settle(errand.address, fetched);
    }
    news_.set();
  }

  bool try_again(Errand errand, const Fetched& fetched) {
    if (!fetched.try_again || errand.failures >= settings_.retries) return false;
    ++errand.failures;
    const Duration pause =
        std::max(backoff_.pause(errand.failures), fetched.retry_after.value_or(Duration::zero()));
    if (pause > settings_.longest_pause) return false;
    ++counts_.retries;
    frontier_.add_later(errand, after(Clock::now(), pause));
    return true;
  }

  void learn_rules(std::size_t number, const Fetched& answer) {
    HostRules& host = rules_[number];
    const Page& page = answer.page;
    const bool answered = page.outcome == Outcome::answered && page.status < 500;
    if (!answered) {
      host.rules = Robots::disallow_all();
      host.trouble = page.what();
    } else if (page.status < 300)
      host.rules = Robots::parse(answer.body, Robots::product(settings_.agent));
    host.known = true;
    if (const auto delay = host.rules.crawl_delay()) frontier_.set_delay(number, *delay);
    for (const Known::Id id : std::exchange(host.waiting, {})) place(id);
  }

  void settle(Known::Id id, Fetched& fetched) {
    count(fetched.page);
    known_.settle(id, std::move(fetched.page), fetched.links, fetched.location);
  }

  void count(const std::optional<Page>& page) {
    if (!page || page->outcome == Outcome::disallowed) return;
    ++counts_.settled;
    counts_.bytes += page->bytes;
    if (page->broken()) ++counts_.broken;
  }

  Settings settings_;
  Known known_;
  Frontier frontier_;
  std::vector<HostRules> rules_;  // one for each host
  Backoff backoff_;
  web::Session session_;
  Event news_;  // an errand has ended
  Progress counts_;
};

}  // namespace simul::crawl
