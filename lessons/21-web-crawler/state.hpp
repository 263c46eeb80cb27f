// A crawl on paper: what is written down so that another run can go on where this one ended.
//
// Only what is settled is written, with the links that were found in it. What waits, how deep it
// lies and which of it is wanted need not be: it follows (`known.hpp`). So there is nothing in the
// file that could disagree with the rest of it, and an errand that was under way when the program
// was killed has simply not happened. Robots.txt is asked for again: it may say something else now.
//
//     {"crawl": {...},                                    which crawl it is
//      "urls": ["http://a/", "http://a/b", ...],
//      "pages": [[0, "answered", 200, 512, false, "da39...", 1, 0.02, [1, 7], null], ...]}
//
// The file is replaced as a whole (`replace_file.hpp`): whoever reads it finds the old state or the
// new one. The invariant: a state that is not of this crawl, or not whole, is refused.
#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>
#include <optional>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "lessons/21-web-crawler/crawler.hpp"
#include "lessons/21-web-crawler/known.hpp"
#include "lessons/21-web-crawler/page.hpp"
#include "runtime/json/json.hpp"

namespace simul::crawl {

namespace detail {

// What must be the same for the two parts to make one crawl.
inline json::Value identity(const Settings& settings) {
  return json::Object{{"version", 1},
                      {"seeds", json::Array(settings.seeds.begin(), settings.seeds.end())},
                      {"depth", settings.reach.depth},
                      {"redirects", settings.reach.redirects},
                      {"body", settings.body},
                      {"agent", settings.agent}};
}

inline json::Value to_json(Known::Id id, const Known::Address& address) {
  const Page& page = *address.page;
  return json::Array{id,
                     name_of(page.outcome),
                     page.status,
                     page.bytes,
                     page.cut,
                     page.digest,
                     page.tries,
                     page.seconds,
                     json::Array(address.links.begin(), address.links.end()),
                     address.location ? json::Value(*address.location) : json::Value()};
}

inline Page page_of(const json::Value& row) {
  const std::optional<Outcome> outcome = outcome_of(row[1].as_string());
  if (!outcome) throw std::runtime_error("no such outcome: " + row[1].as_string());
  return {.outcome = *outcome,
          .status = static_cast<int>(row[2].as_int()),
          .bytes = row[3].as_uint(),
          .cut = row[4].as_bool(),
          .digest = row[5].as_string(),
          .tries = static_cast<int>(row[6].as_int()),
          .seconds = row[7].as_double()};
}

}  // namespace detail

/// The state of a crawl as text, at any moment between two turns of its loop.
inline std::string state_text(const Crawler& crawler) {
  const Known& known = crawler.known();
  json::Array urls, pages;
  urls.reserve(known.size());
  pages.reserve(known.settled());
  for (Known::Id id = 0; id < known.size(); ++id) {
    const Known::Address& address = known[id];
    urls.push_back(address.url);
    if (address.page && address.page->outcome != Outcome::disallowed) {
      pages.push_back(detail::to_json(id, address));
    }
  }
  return json::write(json::Object{{"crawl", detail::identity(crawler.settings())},
                                  {"urls", std::move(urls)},
                                  {"pages", std::move(pages)}}) +
         "\n";
}

/// Puts a state into a crawler that has not begun. Throws json::ParseError, json::AccessError,
/// http::InvalidUrl or std::runtime_error for a text that is no state or one of another crawl; the
/// crawler is of no use then.
inline void restore(Crawler& crawler, std::string_view text) {
  const json::Value state = json::parse(text);
  const json::Value wanted = detail::identity(crawler.settings());
  for (const json::Member& member : wanted.as_object()) {
    const json::Value& saved = state["crawl"][member.key];
    if (saved == member.value) continue;
    throw std::runtime_error("it is of another crawl: its " + member.key + " is " +
                             json::write(saved) + ", not " + json::write(member.value));
  }
  std::vector<std::string> urls;
  for (const json::Value& url : state["urls"].as_array()) {
    // What was written is in its normal form; so it is, too, when somebody has edited it.
    const std::optional<std::string> normal = normal_url(url.as_string());
    if (!normal) throw std::runtime_error("no address: " + json::write(url));
    urls.push_back(*normal);
  }
  Known& known = crawler.known();
  for (const json::Value& row : state["pages"].as_array()) {
    std::vector<std::string> links;
    for (const json::Value& link : row[8].as_array()) links.push_back(urls.at(link.as_uint()));
    std::optional<std::string> location;
    if (!row[9].is_null()) location = urls.at(row[9].as_uint());
    const std::optional<Known::Id> id = known.find_or_add(urls.at(row[0].as_uint()));
    if (id) known.settle(*id, detail::page_of(row), links, location);
  }
}

}  // namespace simul::crawl
