// The report: what a crawl has found, and what it took, for people and as JSON.
//
// The findings (`findings.hpp`) come first and are the same in every crawl of the same site. What
// it took is another matter each time: how long, how many requests, which pages were slowest.
//
// An address that is printed is a normal URL, printable ASCII throughout (`normal_url.hpp`), so
// that nothing a stranger wrote commands the terminal.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "lessons/21-web-crawler/crawler.hpp"
#include "lessons/21-web-crawler/findings.hpp"
#include "runtime/json/json.hpp"

namespace simul::crawl {

/// What a crawl took.
struct Effort {
  struct Slow {
    std::string url;
    double seconds;
  };
  double seconds = 0;           ///< of this run
  std::size_t requests = 0;     ///< of this run, those for robots.txt included
  std::size_t retries = 0;      ///< of this run
  std::vector<Slow> slowest{};  ///< of all pages that were answered, the slowest first
};

/// Up to `count` of the slowest.
inline std::vector<Effort::Slow> slowest_of(const Known& known, std::size_t count = 3) {
  std::vector<Effort::Slow> slow;
  for (Known::Id id = 0; id < known.size(); ++id) {
    const std::optional<Page>& page = known[id].page;
    if (page && page->outcome == Outcome::answered) slow.push_back({known[id].url, page->seconds});
  }
  std::sort(slow.begin(), slow.end(), [](const auto& a, const auto& b) {
    return a.seconds != b.seconds ? a.seconds > b.seconds : a.url < b.url;
  });
  slow.resize(std::min(slow.size(), count));
  return slow;
}

/// "512 B", "1.5 KiB", "3.0 MiB".
inline std::string in_bytes(std::uint64_t bytes) {
  char text[32];
  if (bytes < 1024)
    std::snprintf(text, sizeof text, "%u B", static_cast<unsigned>(bytes));
  else if (bytes < 1024 * 1024)
    std::snprintf(text, sizeof text, "%.1f KiB", static_cast<double>(bytes) / 1024);
  else
    std::snprintf(text, sizeof text, "%.1f MiB", static_cast<double>(bytes) / (1024 * 1024));
  return text;
}

namespace detail {

/// A list for a person: by kinds, and of each kind the first few.
class Kinds {
 public:
  void add(const std::string& kind, const std::string& line) { kinds_[kind].push_back(line); }

  std::string text(const std::string& name, std::size_t count) const {
    constexpr std::size_t kShown = 2;
    std::string text = "\n" + name + ": " + std::to_string(count) + "\n";
    for (const auto& [kind, lines] : kinds_) {
      text += "  " + kind + " (" + std::to_string(lines.size()) + ")\n";
      for (std::size_t i = 0; i < std::min(lines.size(), kShown); ++i) {
        text += "    " + lines[i] + "\n";
      }
      if (lines.size() > kShown) {
        text += "    and " + std::to_string(lines.size() - kShown) + " more\n";
      }
    }
    return text;
  }

 private:
  std::map<std::string, std::vector<std::string>> kinds_;
};

inline std::string number(std::size_t value, int width) {
  char text[32];
  std::snprintf(text, sizeof text, "%*zu", width, value);
  return text;
}

inline std::string joined(const std::set<std::string>& texts, std::size_t shown) {
  std::string all;
  std::size_t count = 0;
  for (const std::string& text : texts) {
    if (count++ < shown) all += (all.empty() ? "" : ", ") + text;
  }
  return count > shown ? all + " and " + std::to_string(count - shown) + " more" : all;
}

}  // namespace detail

/// For a person: the findings, the long lists shortened.
inline std::string text_of(const Findings& found) {
  std::size_t cut = 0;
  for (const auto& [url, asked] : found.asked) cut += asked.cut ? 1 : 0;
  std::string text = std::to_string(found.asked.size()) + " addresses asked for, " +
                     in_bytes(bytes_in_all(found)) +
                     (cut > 0 ? ", " + std::to_string(cut) + " of them too long and cut" : "") +
                     "\n";
  for (const auto& [answer, count] : count_by_answer(found)) {
    text += detail::number(count, 7) + "  " + answer + "\n";
  }
  text += "Not asked for: " + std::to_string(found.disallowed.size()) +
          " that robots.txt forbids, " + std::to_string(found.too_deep) + " too deep, " +
          std::to_string(found.elsewhere) + " elsewhere\n";
  if (found.unfinished > 0) {
    text += "Cut short: " + std::to_string(found.unfinished) + " more that are known\n";
  }

  detail::Kinds broken, redirects, copies;
  for (const auto& [url, link] : found.broken) {
    broken.add(link.why, url + (link.from.empty() ? "" : "  on " + detail::joined(link.from, 1)));
  }
  for (const auto& [url, redirect] : found.redirects) {
    redirects.add(redirect.end, url + " -> " + (redirect.to.empty() ? "?" : redirect.to));
  }
  for (const std::set<std::string>& urls : found.duplicates) {
    copies.add(std::to_string(urls.size()) + " times", detail::joined(urls, 2));
  }
  return text + broken.text("Broken links", found.broken.size()) +
         redirects.text("Redirects, by their end", found.redirects.size()) +
         copies.text("Pages that are there more than once", found.duplicates.size());
}

/// For a person: what it took.
inline std::string text_of(const Effort& effort) {
  char line[160];
  std::snprintf(line, sizeof line, "\n%zu requests, %zu of them again, in %.1f s: %.0f a second\n",
                effort.requests, effort.retries, effort.seconds,
                static_cast<double>(effort.requests) / std::max(effort.seconds, 0.001));
  std::string text = line;
  if (!effort.slowest.empty()) text += "The slowest:\n";
  for (const Effort::Slow& slow : effort.slowest) {
    std::snprintf(line, sizeof line, "  %.2f s  ", slow.seconds);
    text += line + slow.url + "\n";
  }
  return text;
}

/// Both halves, each a member of its own.
inline json::Value to_json(const Findings& found, const Effort& effort) {
  json::Array slowest;
  for (const Effort::Slow& slow : effort.slowest) {
    slowest.push_back(json::Object{{"url", slow.url}, {"seconds", slow.seconds}});
  }
  return json::Object{{"found", to_json(found)},
                      {"effort", json::Object{{"seconds", effort.seconds},
                                              {"requests", effort.requests},
                                              {"retries", effort.retries},
                                              {"slowest", std::move(slowest)}}}};
}

}  // namespace simul::crawl
