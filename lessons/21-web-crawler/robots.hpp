// What a host asks of robots: the file /robots.txt, RFC 9309.
//
//     User-agent: *                 for everybody who is not named elsewhere
//     Disallow: /private/           whatever begins so
//     Allow: /private/rules.html    the longer of two that match counts, and Allow if they are
//     equal Disallow: /*?session=         a star stands for anything Disallow: /*.pdf$ a dollar
//     sign for the end Crawl-delay: 2                seconds between two requests (not of the RFC,
//     but of many files)
//
// It is a request and no lock: nothing but good manners makes a robot keep to it. What to assume
// when there is no such file is part of the RFC (section 2.3.1), see `crawler.hpp`.
//
// The file is a stranger's. The invariants: no more than 500 KiB of it is looked at (section 2.5)
// and no more than 2,000 rules are kept; no pattern costs more than its length times the path's.
#pragma once

#include <algorithm>
#include <charconv>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "lessons/21-web-crawler/normal_url.hpp"
#include "runtime/base/clock.hpp"
#include "runtime/http/headers.hpp"
#include "runtime/http/uri.hpp"

namespace simul::crawl {

/// The rules of one host for one robot.
class Robots {
 public:
  static constexpr std::size_t kFileLimit = 500 * 1024;
  static constexpr std::size_t kRuleLimit = 2'000;

  /// Everything is allowed: what holds where there is no file.
  Robots() = default;

  /// Nothing is: what is assumed of a host that has no answer but errors.
  static Robots disallow_all() {
    Robots none;
    none.rules_.push_back({"/", false});
    return none;
  }

  /// The rules for `agent`, a robot's name without version: those of all groups that name it, else
  /// those for "*". A line that makes no sense is passed over, whatever it is.
  static Robots parse(std::string_view text, std::string_view agent) {
    text = text.substr(0, kFileLimit);
    if (text.starts_with("\xef\xbb\xbf")) text.remove_prefix(3);
    Robots named, for_all;
    bool is_named = false;  // some group is for us
    bool in_named = false, in_all = false;
    bool agents_ended = true;  // the next User-agent begins a new group
    while (!text.empty()) {
      const std::size_t end = std::min(text.find_first_of("\r\n"), text.size());
      std::string_view line = text.substr(0, end);
      text.remove_prefix(std::min(end + 1, text.size()));
      line = line.substr(0, line.find('#'));
      const std::size_t colon = line.find(':');
      if (colon == line.npos) continue;
      const std::string_view key = http::trim_whitespace(line.substr(0, colon));
      const std::string_view value = http::trim_whitespace(line.substr(colon + 1));
      if (http::equal_ignoring_case(key, "user-agent")) {
        if (agents_ended) in_named = in_all = agents_ended = false;
        if (value == "*") in_all = true;
        if (http::equal_ignoring_case(product(value), agent)) in_named = is_named = true;
        continue;
      }
      const bool known = named.add_if_rule(key, value, in_named);
      for_all.add_if_rule(key, value, in_all);
      agents_ended = agents_ended || known;
    }
    return is_named ? named : for_all;
  }

  /// May `target`, a normal URL's path and query, be asked for?
  bool allows(std::string_view target) const {
    if (target == "/robots.txt") return true;
    std::size_t longest = 0;
    bool allowed = true;
    for (const Rule& rule : rules_) {
      const std::size_t length = rule.pattern.size();
      if (length < longest || (length == longest && (allowed || !rule.allow))) continue;
      if (!matches(rule.pattern, target)) continue;
      longest = length;
      allowed = rule.allow;
    }
    return allowed;
  }

  /// How long to wait between two requests, if it says so; at most a minute, since a stranger who
  /// asks for a year is not to be obeyed but left alone.
  std::optional<Duration> crawl_delay() const { return delay_; }

  /// A robot's name without its version: "ExampleBot/2.1" is ExampleBot (section 2.2.1).
  static std::string_view product(std::string_view agent) {
    const auto is_part = [](char c) {
      return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || c == '-';
    };
    return agent.substr(
        0, static_cast<std::size_t>(std::find_if_not(agent.begin(), agent.end(), is_part) -
                                    agent.begin()));
  }

 private:
  struct Rule {
    std::string pattern;
    bool allow;
  };

  // Is it a line of a group at all? If so, and `ours`, it is added.
  bool add_if_rule(std::string_view key, std::string_view value, bool ours) {
    const bool allow = http::equal_ignoring_case(key, "allow");
    if (allow || http::equal_ignoring_case(key, "disallow")) {
      // One without a path says nothing.
      if (ours && !value.empty() && rules_.size() < kRuleLimit) {
        rules_.push_back({normal_percent(http::percent_encode_unsafe(value)), allow});
      }
      return true;
    }
    if (!http::equal_ignoring_case(key, "crawl-delay")) return false;  // Sitemap and others
    double seconds = 0;
    const auto [end, error] = std::from_chars(value.data(), value.data() + value.size(), seconds);
    if (ours && error == std::errc() && seconds >= 0) {
      delay_ = std::min(from_seconds(seconds), Duration(std::chrono::minutes(1)));
    }
    return true;
  }

  // Does `text` begin as `pattern` says? When it does not go on, only the last star can have been
  // wrong: that one takes a letter more.
  static bool matches(std::string_view pattern, std::string_view text) {
    const bool to_the_end = pattern.ends_with('$');
    if (to_the_end) pattern.remove_suffix(1);
    std::size_t p = 0, t = 0, star = pattern.npos, star_text = 0;
    for (;;) {
      if (p < pattern.size() && pattern[p] == '*') {
        star = p++;
        star_text = t;
      } else if (p == pattern.size() && (!to_the_end || t == text.size())) {
        return true;
      } else if (p < pattern.size() && t < text.size() && pattern[p] == text[t]) {
        ++p;
        ++t;
      } else if (star != pattern.npos && star_text < text.size()) {
        p = star + 1;
        t = ++star_text;
      } else {
        return false;
      }
    }
  }

  std::vector<Rule> rules_;
  std::optional<Duration> delay_;
};

}  // namespace simul::crawl
