// A site to crawl: what stands at each address, made up from a number.
//
//     www       a tree of pages, eight below each, with links across; a calendar without an end
//     archive   more of them, pages that are slow, huge, gone, or there several times
//     shop      more of them, and a robots.txt with all that such a file can hold
//     odd       a server that keeps no rules at all (`odd_server.hpp`)
//
// A page knows its links twice: as they stand in its HTML, in whichever spelling, with decoys in
// comments and scripts beside them; and as the addresses that are meant. The crawler reads the
// former. The latter are the truth (`site_truth.hpp`): they were there first, and no code of the
// crawler's has touched them.
//
// The invariant: the same number gives the same site, byte for byte, on every machine.
#pragma once

#include <algorithm>
#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <map>
#include <optional>
#include <random>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "lessons/21-web-crawler/site_pages.hpp"
#include "runtime/base/clock.hpp"

namespace simul::crawl {

/// What may be chosen for a site.
struct SiteOptions {
  std::uint64_t seed = 1;
  std::size_t pages = 1'000;  ///< addresses in all, but for the calendar's; at least 150
  std::uint16_t port = 0;     ///< to be written into every address; 0: none, the usual one
};

class SitePlan {
 public:
  explicit SitePlan(SiteOptions options) : options_(options), random_(options.seed) {
    for (std::size_t host = 0; host < kHosts; ++host) add_page(host, "/");
    add_errors();
    add_redirects();
    add_heavy();
    add_duplicates();
    add_forbidden();
    add_odd();
    add_tree(options.pages - std::min(options.pages, resources_.size()));
    link_specials();
    write_pages();
  }

  /// "http://www.chess.localhost/", and those of the other three.
  std::vector<std::string> seeds() const {
    std::vector<std::string> urls;
    for (std::size_t host = 0; host < kHosts; ++host) urls.push_back(url(host, "/"));
    return urls;
  }

  /// The four names, without a port.
  static std::string host_name(std::size_t host) {
    return std::string(kHostNames[host]) + ".chess.localhost";
  }

  /// What stands at an address in its normal form; nothing: 404. A month of the calendar is made
  /// when it is asked for.
  std::optional<Resource> find(const std::string& url) const {
    if (const auto found = resources_.find(url); found != resources_.end()) return found->second;
    return calendar(url);
  }

  std::size_t size() const { return resources_.size(); }

  /// The robots.txt of a host; nothing if it has none.
  static std::optional<std::string_view> robots(std::size_t host) {
    if (host == kWww) return "User-agent: NoisyBot\nDisallow: /\nCrawl-delay: 10\n";
    if (host == kShop) return kShopRobots;
    return std::nullopt;
  }

  /// Is it one that this robots.txt forbids? Known from how the address was made.
  bool forbidden(const std::string& url) const {
    return std::find(forbidden_.begin(), forbidden_.end(), url) != forbidden_.end();
  }

 private:
  enum Host : std::size_t { kWww, kArchive, kShop, kOdd, kHosts };
  static constexpr std::array<std::string_view, kHosts> kHostNames = {"www", "archive", "shop",
                                                                      "odd"};
  static constexpr std::string_view kShopRobots =
      "# The shop asks robots to leave its baskets alone.\n"
      "User-agent: *\n"
      "Disallow: /basket/\n"
      "Allow: /basket/help   # the longer rule counts\n"
      "Disallow: /*?session=\n"
      "Disallow: /*.pdf$\n"
      "Crawl-delay: 0.001\n\n"
      "User-agent: NoisyBot\n"
      "Disallow: /\n";

  std::size_t below(std::size_t limit) { return static_cast<std::size_t>(random_() % limit); }

  std::string url(std::size_t host, const std::string& path) const {
    const std::string port = options_.port == 0 ? "" : ":" + std::to_string(options_.port);
    // The odd one is a server of its own, at the next port.
    const std::string odd = options_.port == 0 ? "" : ":" + std::to_string(options_.port + 1);
    return "http://" + host_name(host) + (host == kOdd ? odd : port) + path;
  }

  Resource& add(std::size_t host, const std::string& path, Resource resource = {}) {
    return resources_[url(host, path)] = std::move(resource);
  }
  // A page of the tree: it may have links to others.
  void add_page(std::size_t host, const std::string& path) {
    add(host, path);
    tree_.push_back(url(host, path));
  }
  // One that somebody shall link to.
  Resource& special(std::size_t host, const std::string& path, Resource resource = {}) {
    specials_.push_back(url(host, path));
    return add(host, path, std::move(resource));
  }

  void add_errors() {
    for (int i = 0; i < 12; ++i) specials_.push_back(url(kWww, "/missing/" + std::to_string(i)));
    for (int i = 0; i < 4; ++i) special(kArchive, "/gone/" + std::to_string(i), {.status = 410});
    for (int i = 0; i < 2; ++i) special(kShop, "/error/" + std::to_string(i), {.status = 500});
    constexpr int kStatus[] = {500, 502, 503};
    for (int i = 0; i < 6; ++i) {
      special(kWww, "/flaky/" + std::to_string(i),
              {.failures = 1 + i % 3, .failure_status = kStatus[i % 3]});
    }
    special(kShop, "/busy/503", {.failures = 1, .failure_status = 503, .retry_after = "1"});
    special(kShop, "/busy/429", {.failures = 1, .failure_status = 429, .retry_after = "0"});
  }

  // `from` redirects to `to`.
  std::string redirect(std::size_t host, const std::string& path, int status, std::string to) {
    add(host, path, {.status = status, .type = "", .location = to, .goal = to});
    return url(host, path);
  }
  // Through `length` addresses to `to`; the first of them.
  std::string chain(const std::string& name, int length, std::string to) {
    constexpr int kStatus[] = {301, 302, 303, 307, 308};
    for (int i = length - 1; i >= 0; --i) {
      const std::size_t host = name == "long" ? kWww : below(kOdd);
      to = redirect(host, "/" + name + "/" + std::to_string(i), kStatus[i % 5], to);
    }
    return to;
  }
  void add_redirects() {
    for (int i = 0; i < 6; ++i) {
      specials_.push_back(chain("moved-" + std::to_string(i), 1 + i % 4, url(below(kOdd), "/")));
    }
    specials_.push_back(chain("long", 25, url(kWww, "/")));
    specials_.push_back(chain("to-nothing", 2, url(kWww, "/missing/0")));
    specials_.push_back(chain("to-elsewhere", 1, "http://elsewhere.example/"));
    specials_.push_back(chain("to-basket", 1, url(kShop, "/basket/0")));
    specials_.push_back(redirect(kWww, "/loop/self", 302, url(kWww, "/loop/self")));
    redirect(kWww, "/loop/a", 301, url(kArchive, "/loop/b"));
    redirect(kArchive, "/loop/b", 301, url(kShop, "/loop/c"));
    specials_.push_back(redirect(kShop, "/loop/c", 308, url(kWww, "/loop/a")));
    special(kArchive, "/nowhere", {.status = 302, .type = ""});  // it does not say where
    // One that says it in a shorter way.
    Resource& near =
        special(kWww, "/old/index", {.status = 301, .type = "", .location = "../#new"});
    near.goal = url(kWww, "/");
  }

  void add_heavy() {
    for (int i = 1; i <= 3; ++i) {
      special(kArchive, "/slow/" + std::to_string(i),
              {.think = i * std::chrono::milliseconds(100)});
    }
    for (int i = 0; i < 2; ++i) {
      special(kArchive, "/huge/" + std::to_string(i), {.filler = std::size_t{3} << 20});
    }
    for (int i = 0; i < 8; ++i) {
      special(kArchive, "/files/" + std::to_string(i) + ".txt",
              {.type = "text/plain",
               .body = "File " + std::to_string(i) + ": <a href=\"/decoy/file\">no link</a>\n"});
    }
  }

  void add_duplicates() {
    for (int group = 0; group < 6; ++group) {
      const std::string to = url(kWww, "/copies/" + std::to_string(group));
      for (const Host host : {kWww, kArchive, kShop}) {
        special(host, "/copies/" + std::to_string(group),
                {.body = copied_page(group, to), .links = {to}, .copy = group});
      }
    }
  }

  void add_forbidden() {
    for (int i = 0; i < 5; ++i) {
      forbid("/basket/" + std::to_string(i));
      forbid("/boards/list?session=" + std::to_string(i));
      forbid("/catalogue/" + std::to_string(i) + ".pdf");
    }
    special(kShop, "/basket/help");
    special(kShop, "/catalogue/0.pdf.html");
  }
  void forbid(const std::string& path) {
    special(kShop, path);
    forbidden_.push_back(url(kShop, path));
  }

  void add_odd() {
    for (const Trouble trouble : kTroubles) {
      const std::string name(name_of(trouble));
      Resource resource{.trouble = trouble};
      // More bytes come than were announced: those are the page.
      if (trouble == Trouble::wrong_length) {
        resource.type = "text/plain";
        resource.body = "ten bytes.";
      }
      add(kOdd, "/" + name, std::move(resource));
      resources_[url(kOdd, "/")].links.push_back(url(kOdd, "/" + name));
    }
  }

  void add_tree(std::size_t count) {
    static constexpr std::string_view kFolders[kOdd][3] = {
        {"games", "players", "openings"}, {"1972", "1985", "1997"}, {"boards", "clocks", "books"}};
    for (std::size_t i = 0; i < count; ++i) {
      const std::size_t host = std::array<std::size_t, 4>{kWww, kWww, kArchive, kShop}[below(4)];
      const std::string path =
          "/" + std::string(kFolders[host][below(3)]) + "/" + std::to_string(i);
      const std::size_t parent = tree_.size() / 8;
      add_page(host, path);
      if (parent == kOdd) continue;  // it has links enough, and below one of the others it is, too
      resources_[tree_[parent]].links.push_back(tree_.back());
    }
    // Below the odd one's root there is no tree: its eight go to the first.
    for (std::size_t i = kHosts; i < tree_.size(); ++i) {
      if (i / 8 == kOdd) resources_[tree_[kWww]].links.push_back(tree_[i]);
    }
  }

  // Each is linked to by one to three pages of the tree; and every page links across.
  void link_specials() {
    const auto page = [&]() -> Resource& {
      const std::size_t which = below(tree_.size());
      return resources_[tree_[which == kOdd ? std::size_t{kWww} : which]];
    };
    for (const std::string& special : specials_) {
      for (std::size_t i = 0; i <= below(3); ++i) page().links.push_back(special);
    }
    for (std::size_t i = 0; i < tree_.size(); ++i) {
      for (int links = 0; links < 4; ++links) page().links.push_back(tree_[below(tree_.size())]);
    }
    resources_[url(kWww, "/")].links.push_back(url(kWww, "/calendar/2026/1"));
    for (int i = 0; i < 5; ++i) {
      page().links.push_back("http://elsewhere.example/" + std::to_string(i));
    }
  }

  void write_pages() {
    for (auto& [address, resource] : resources_) {
      std::vector<std::string>& links = resource.links;
      std::sort(links.begin(), links.end());
      links.erase(std::unique(links.begin(), links.end()), links.end());
      if (resource.body.empty() && resource.type.starts_with("text/html")) {
        resource.body = PageWriter(random_, address).write(links, resource.filler);
      }
    }
  }

  // /calendar/YEAR/MONTH links to the next month and to the next year: there is always one more.
  std::optional<Resource> calendar(const std::string& address) const {
    const std::string folder = url(kWww, "/calendar/");
    if (!address.starts_with(folder)) return std::nullopt;
    int year = 0, month = 0, length = 0;
    const std::string rest = address.substr(folder.size());
    if (std::sscanf(rest.c_str(), "%4d/%2d%n", &year, &month, &length) != 2 ||
        static_cast<std::size_t>(length) != rest.size() || month < 1 || month > 12) {
      return std::nullopt;
    }
    const auto at = [&](int y, int m) {
      return folder + std::to_string(y) + "/" + std::to_string(m);
    };
    Resource page;
    page.links = {month == 12 ? at(year + 1, 1) : at(year, month + 1), at(year + 1, month)};
    std::mt19937_64 random(static_cast<std::uint64_t>(year * 12 + month));
    page.body = PageWriter(random, address).write(page.links, 0);
    return page;
  }

  SiteOptions options_;
  std::mt19937_64 random_;
  std::map<std::string, Resource> resources_;
  std::vector<std::string> tree_;      // pages of which others hang, in the order of their making
  std::vector<std::string> specials_;  // to be linked to from somewhere
  std::vector<std::string> forbidden_;
};

}  // namespace simul::crawl
