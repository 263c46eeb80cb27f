// What a crawl has found out about a site: the half of its report that has no clock in it.
//
// It is computed when the crawl is over, or has been cut short, from what is known then; nothing of
// it is counted on the way, where the order in which pages came might show. The invariant: two
// crawls that have settled the same addresses have the same findings, and `to_json` gives the same
// bytes for them. So a crawl that was interrupted and resumed can be compared with one that was
// not, and both with the truth (`site_truth.hpp`).
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "lessons/21-web-crawler/known.hpp"
#include "lessons/21-web-crawler/page.hpp"
#include "runtime/json/json.hpp"

namespace simul::crawl {

struct Findings {
  /// One address that was asked for.
  struct Asked {
    std::string what;  ///< "200", "404", "timed out"
    int depth = 0;
    std::uint64_t bytes = 0;
    bool cut = false;
  };
  /// A link that leads nowhere.
  struct Broken {
    std::string why;             ///< "404", "301 to http://...: 404", "301: a loop"
    std::set<std::string> from;  ///< the pages where it stands; none: it was given
  };
  struct Redirect {
    std::string to;   ///< empty: it does not say where, or to no http address
    std::string end;  ///< what comes of it in the end: "200", "a loop", "not asked"
  };

  std::map<std::string, Asked> asked;
  std::map<std::string, Broken> broken;  ///< by the address that the link says
  std::map<std::string, Redirect> redirects;
  std::set<std::set<std::string>> duplicates;  ///< pages with the same content, two or more each
  std::set<std::string> disallowed;            ///< by robots.txt
  std::size_t elsewhere = 0;                   ///< addresses on hosts that are not ours
  std::size_t too_deep = 0;                    ///< addresses of ours beyond the limits of reach
  std::size_t unfinished = 0;                  ///< wanted, but not settled: the crawl was cut short
};

namespace detail {

// Where a chain of redirects ends.
struct ChainEnd {
  std::string what;
  bool broken = false;
};

inline ChainEnd end_of_chain(const Known& known, Known::Id id) {
  std::set<Known::Id> seen;
  for (;;) {
    const Known::Address& address = known[id];
    if (!address.page) {
      const bool too_many = address.host != Known::kElsewhere && address.depth < Known::kFar &&
                            address.hops > known.limits().redirects;
      return too_many ? ChainEnd{"too many redirects", true} : ChainEnd{"not asked"};
    }
    if (!address.location) return {address.page->what(), address.page->broken()};
    if (!seen.insert(id).second) return {"a loop", true};
    id = *address.location;
  }
}

}  // namespace detail

/// What there is to say about all that is known.
inline Findings findings_of(const Known& known) {
  Findings found;
  std::map<std::string, std::set<std::string>> by_digest;
  std::map<Known::Id, std::set<std::string>> linked_from;
  for (Known::Id id = 0; id < known.size(); ++id) {
    const Known::Address& address = known[id];
    const std::optional<Page>& page = address.page;
    if (address.host == Known::kElsewhere) ++found.elsewhere;
    if (address.host != Known::kElsewhere && !known.in_reach(address)) ++found.too_deep;
    if (!page) {
      if (known.in_reach(address)) ++found.unfinished;
      continue;
    }
    if (page->outcome == Outcome::disallowed) {
      found.disallowed.insert(address.url);
      continue;
    }
    found.asked[address.url] = {page->what(), address.depth, page->bytes, page->cut};
    if (page->status >= 300 && page->status < 400) {
      const bool leads = address.location.has_value();
      found.redirects[address.url] = {leads ? known[*address.location].url : "",
                                      detail::end_of_chain(known, id).what};
    }
    if (!page->digest.empty()) by_digest[page->digest].insert(address.url);
    for (const Known::Id target : address.links) linked_from[target].insert(address.url);
    if (address.depth == 0) linked_from[id];  // it was given, or one that was given redirects here
  }
  for (auto& [id, from] : linked_from) {
    const detail::ChainEnd end = detail::end_of_chain(known, id);
    if (!end.broken) continue;
    const bool direct = !known[id].location;
    const std::string why = direct ? end.what : known[id].page->what() + ": " + end.what;
    found.broken[known[id].url] = {why, std::move(from)};
  }
  for (auto& [digest, urls] : by_digest) {
    if (urls.size() > 1) found.duplicates.insert(std::move(urls));
  }
  return found;
}

/// How many of the addresses that were asked for came to what.
inline std::map<std::string, std::size_t> count_by_answer(const Findings& found) {
  std::map<std::string, std::size_t> counts;
  for (const auto& [url, asked] : found.asked) ++counts[asked.what];
  return counts;
}

inline std::uint64_t bytes_in_all(const Findings& found) {
  std::uint64_t bytes = 0;
  for (const auto& [url, asked] : found.asked) bytes += asked.bytes;
  return bytes;
}

/// The findings as a document. Everything is sorted: equal findings, equal text.
inline json::Object to_json(const Findings& found) {
  const auto array = [](const std::set<std::string>& texts) {
    return json::Array(texts.begin(), texts.end());
  };
  json::Object pages, broken, redirects, answers;
  for (const auto& [url, asked] : found.asked) {
    json::Object page{{"answer", asked.what}, {"depth", asked.depth}, {"bytes", asked.bytes}};
    if (asked.cut) page.set("cut", true);
    pages.set(url, std::move(page));
  }
  for (const auto& [url, link] : found.broken) {
    broken.set(url, json::Object{{"why", link.why}, {"from", array(link.from)}});
  }
  for (const auto& [url, redirect] : found.redirects) {
    redirects.set(url, json::Object{{"to", redirect.to}, {"end", redirect.end}});
  }
  json::Array duplicates;
  for (const std::set<std::string>& group : found.duplicates) {
    duplicates.push_back(json::Value(array(group)));
  }
  for (const auto& [answer, count] : count_by_answer(found)) answers.set(answer, count);
  json::Object all;
  all.set("complete", found.unfinished == 0);
  all.set("unfinished", found.unfinished);
  all.set("answers", std::move(answers));
  all.set("bytes", bytes_in_all(found));
  all.set("broken", std::move(broken));
  all.set("redirects", std::move(redirects));
  all.set("duplicates", std::move(duplicates));
  all.set("disallowed", array(found.disallowed));
  all.set("elsewhere", found.elsewhere);
  all.set("too_deep", found.too_deep);
  all.set("pages", std::move(pages));
  return all;
}

}  // namespace simul::crawl
