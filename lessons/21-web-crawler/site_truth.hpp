// What a correct crawl of the made-up site must find.
//
// It is computed from the plan, level by level, from the addresses that are meant. It never sees
// HTML, a robots.txt or a relative reference, and shares no code with the crawler but the form of
// the result: where the two differ, one of them is wrong.
#pragma once

#include <cstddef>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "lessons/21-web-crawler/findings.hpp"
#include "lessons/21-web-crawler/site_plan.hpp"

namespace simul::crawl {

/// Computes it.
class SiteTruth {
 public:
  SiteTruth(const SitePlan& plan, int depth, std::size_t body, int redirects = 20)
      : plan_(plan), body_(body), redirects_(redirects) {
    const std::vector<std::string> seeds = plan.seeds();
    std::set<std::string> level(seeds.begin(), seeds.end());
    for (int at = 0; at <= depth; ++at) level = visit(level, at);
    for (const std::string& seed : seeds) linked_from_[seed];
    for (const std::string& url : mentioned_) {
      if (!is_ours(url))
        ++truth_.elsewhere;
      else if (depth_of_.count(url) == 0)
        ++truth_.too_deep;
    }
    find_ends();
  }

  const Findings& findings() const { return truth_; }

 private:
  static bool is_ours(const std::string& url) { return url.find(".chess.localhost") != url.npos; }

  // Everything of one depth, and what redirects lead to from there; gives the next level.
  std::set<std::string> visit(std::set<std::string> level, int depth) {
    std::set<std::string> next;
    for (int hops = 0; hops <= redirects_ && !level.empty(); ++hops) {
      std::set<std::string> goals;
      for (const std::string& url : level) {
        if (!is_ours(url) || !depth_of_.emplace(url, depth).second) continue;
        const Resource resource =
            plan_.find(url).value_or(Resource{.status = 404, .body = "404\n"});
        if (!ask(url, depth, resource)) continue;
        for (const std::string& link : resource.links) {
          mentioned_.insert(link);
          linked_from_[link].insert(url);
          next.insert(link);
        }
        if (!resource.goal) continue;
        mentioned_.insert(*resource.goal);
        goals.insert(*resource.goal);
        if (depth == 0) linked_from_[*resource.goal];
      }
      level = std::move(goals);
    }
    return next;
  }

  // False if nothing is to be learned from it.
  bool ask(const std::string& url, int depth, const Resource& resource) {
    if (plan_.forbidden(url)) {
      truth_.disallowed.insert(url);
      return false;
    }
    const std::string what = answer(resource);
    Findings::Asked& asked = truth_.asked[url];
    asked = {what, depth, 0, false};
    if (what[0] < '0' || what[0] > '9') return false;
    asked.bytes = std::min(resource.body.size(), body_);
    asked.cut = resource.body.size() > body_;
    if (resource.status >= 300 && resource.status < 400) {
      truth_.redirects[url] = {resource.goal.value_or(""), ""};
    }
    if (resource.copy >= 0) {
      copies_[resource.copy].insert(url);
    }
    return true;
  }

  static std::string answer(const Resource& resource) {
    switch (resource.trouble) {
      case Trouble::garbage:
      case Trouble::endless_head:
        return "no HTTP";
      case Trouble::truncated:
      case Trouble::reset:
        return "broken off";
      case Trouble::silence:
      case Trouble::drip:
        return "timed out";
      default:
        return std::to_string(resource.status);
    }
  }

  // What a chain of redirects comes to.
  std::string end_of(std::string url) const {
    std::set<std::string> seen;
    while (seen.insert(url).second) {
      if (truth_.disallowed.count(url) != 0) return "disallowed";
      const auto asked = truth_.asked.find(url);
      if (asked == truth_.asked.end()) {
        return is_ours(url) && mentioned_.count(url) != 0 ? "too many redirects" : "not asked";
      }
      const auto redirect = truth_.redirects.find(url);
      if (redirect == truth_.redirects.end() || redirect->second.to.empty()) {
        return asked->second.what;
      }
      url = redirect->second.to;
    }
    return "a loop";
  }

  void find_ends() {
    for (auto& [url, redirect] : truth_.redirects) redirect.end = end_of(url);
    for (const auto& [url, from] : linked_from_) {
      if (truth_.asked.count(url) == 0) continue;
      const std::string end = end_of(url);
      const bool good = end[0] == '2' || end[0] == '3' || end == "disallowed" || end == "not asked";
      if (good) continue;
      const std::string& what = truth_.asked[url].what;
      truth_.broken[url] = {what == end ? end : what + ": " + end, from};
    }
    for (const auto& [number, urls] : copies_) {
      if (urls.size() > 1) truth_.duplicates.insert(urls);
    }
  }

  const SitePlan& plan_;
  std::size_t body_;
  int redirects_;
  Findings truth_;
  std::map<std::string, int> depth_of_;
  std::set<std::string> mentioned_;
  std::map<std::string, std::set<std::string>> linked_from_;
  std::map<int, std::set<std::string>> copies_;
};

/// The findings of a crawl of `plan` from all its seeds, to `depth`, with at most `body` bytes of
/// each page. The crawl must have retries enough: three.
inline Findings truth_of(const SitePlan& plan, int depth, std::size_t body) {
  return SiteTruth(plan, depth, body).findings();
}

}  // namespace simul::crawl
