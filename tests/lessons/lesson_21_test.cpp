// Lesson 21: its headers one by one; crawls of the made-up site beside the truth, in virtual time,
// with the server on the same loop: whole, interrupted and resumed, and with a server that has
// moods; and the programs as a reader runs them, Ctrl-C and kill -9 included.
#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <csignal>
#include <filesystem>
#include <future>
#include <map>
#include <random>
#include <string>
#include <vector>

#include "lessons/21-web-crawler/backoff.hpp"
#include "lessons/21-web-crawler/crawler.hpp"
#include "lessons/21-web-crawler/findings.hpp"
#include "lessons/21-web-crawler/frontier.hpp"
#include "lessons/21-web-crawler/known.hpp"
#include "lessons/21-web-crawler/links.hpp"
#include "lessons/21-web-crawler/normal_url.hpp"
#include "lessons/21-web-crawler/progress.hpp"
#include "lessons/21-web-crawler/replace_file.hpp"
#include "lessons/21-web-crawler/report.hpp"
#include "lessons/21-web-crawler/robots.hpp"
#include "lessons/21-web-crawler/site_plan.hpp"
#include "lessons/21-web-crawler/site_server.hpp"
#include "lessons/21-web-crawler/site_truth.hpp"
#include "lessons/21-web-crawler/state.hpp"
#include "lessons/common/loopback_server.hpp"
#include "runtime/json/json.hpp"
#include "runtime/task/run.hpp"
#include "runtime/task/timeout.hpp"
#include "tests/support/child.hpp"
#include "tests/support/lessons.hpp"
#include "tests/support/temp_dir.hpp"

namespace simul::crawl {
namespace {

using namespace std::chrono_literals;
using testing::Child;
using testing::contents;
using testing::program;
using testing::RunResult;
using testing::TempDir;
using Texts = std::vector<std::string>;

const std::string kName = "21-web-crawler";

// --- Addresses -----------------------------------------------------------------------------------

TEST(NormalUrl, MakesOneSpellingOfMany) {
  const http::Url base = http::Url::parse("http://h/a/b?q");
  const std::map<std::string, std::string> meant = {
      {"", "http://h/a/b?q"},
      {"#top", "http://h/a/b?q"},
      {"c", "http://h/a/c"},
      {"../c/./d/..", "http://h/c/"},
      {"../../../c", "http://h/c"},
      {"?x=1", "http://h/a/b?x=1"},
      {"//H2", "http://h2/"},
      {"HTTP://H:80", "http://h/"},
      {"http://h:8080/", "http://h:8080/"},
      {"/%7euser/%c3%a4%2F", "http://h/~user/%C3%A4%2F"},
      {"/x/%2e%2E/y", "http://h/y"},
      {" \n/a b\tc\r\n", "http://h/a%20bc"},
      {"/\xc3\xa4", "http://h/%C3%A4"},
      {"\\c\\d?e\\f", "http://h/c/d?e%5Cf"},
      {"/100%", "http://h/100%25"},
      {"/a?", "http://h/a?"},
      {"/a//b/", "http://h/a//b/"},
      {"http://[::1]:80/", "http://[::1]/"},
  };
  for (const auto& [reference, url] : meant) {
    EXPECT_EQ(normal_url(base, reference), url) << reference;
    EXPECT_EQ(normal_url(url), url) << "no normal form of its own";
  }
}

TEST(NormalUrl, KnowsWhatIsNoAddress) {
  const http::Url base = http::Url::parse("http://h/");
  for (const char* reference :
       {"https://h/", "mailto:a@b", "javascript:void(0)", "data:text/html,<a>", "http://", "http:x",
        "http://u:p@h/", "http://h:0/", "http://h:99999/", "http://[", "http://a b/", "/\x01",
        "http://%41/", "ftp://h/"}) {
    EXPECT_EQ(normal_url(base, reference), std::nullopt) << reference;
  }
  EXPECT_EQ(normal_url(base, "/" + std::string(kLongestUrl, 'x')), std::nullopt);
  EXPECT_EQ(normal_url(base, std::string(20 * kLongestUrl, ' ')), std::nullopt);
}

// --- Links ---------------------------------------------------------------------------------------

TEST(Links, FindsThemInEveryNotation) {
  const Links links = find_links(
      "<a href=\"1\"><A\nHREF = '2' x><a x=y href=3><area href=4/><frame src=5><iframe src='6'>"
      "<a href = \"7\" href=no><a\thref='a&amp;b&#x26;c&#38d&copy;'><a name=n><a/href=8>"
      "<a title='>' href=9><a =x href=10></a href=no><ahref=no><a hreff=no><link href=no>");
  EXPECT_EQ(links.targets,
            (Texts{"1", "2", "3", "4/", "5", "6", "7", "a&b&c&d&copy;", "8", "9", "10"}));
}

TEST(Links, TakesNoCommentScriptOrTitleForOne) {
  const Links links = find_links(
      "<!-- <a href=no> --><!--><a href=1><!-- -- > <a href=no>--><script>'<a href=no>' </scrip>"
      "<a href=no></SCRIPT ><a href=2><style><a href=no></style><title><a href=no></title>"
      "<textarea></textareas><a href=no></textarea><a href=3><!doctype a href=no><?x <a href=no>"
      "<a href=4>< a href=no><img alt=\"<a href=no>\"><script/>'<a href=no>'</script><a href=5");
  EXPECT_EQ(links.targets, (Texts{"1", "2", "3", "4"}));
}

TEST(Links, TheFirstBaseCounts) {
  const Links links = find_links("<base target=x><base href='/a/'><base href='/b/'><a href=c>");
  EXPECT_EQ(links.base, "/a/");
}

TEST(Links, AnythingAtAllIsReadInLinearTimeAndWithinTheLimit) {
  const std::size_t size = 256 << 10;
  const auto repeat = [&](const std::string& text) {
    std::string all;
    while (all.size() < size) all += text;
    return all;
  };
  for (const char* hostile : {"<", "<!--", "<a ", "<a href='", "<script>", "</script", "&",
                              "<a href=", "<title></title", "<!", "<a x='\">"}) {
    EXPECT_LE(find_links(repeat(hostile)).targets.size(), 5'000u);
  }
  EXPECT_EQ(find_links(repeat("<a href=x>")).targets.size(), 5'000u);
  std::mt19937 random(1);
  constexpr std::string_view kBytes = "<>a/ !-'\"=&#;hrefscipt\n\0";
  for (int i = 0; i < 2'000; ++i) {
    std::string text;
    for (int j = 0; j < 60; ++j) text += kBytes[random() % kBytes.size()];
    find_links(text);
  }
}

// --- robots.txt ----------------------------------------------------------------------------------

bool allows(const std::string& rules, const std::string& target) {
  return Robots::parse("User-agent: *\n" + rules, "simul-crawler").allows(target);
}

TEST(RobotsTxt, TheLongestRuleCountsAndAllowWhenTheyAreEqual) {
  const std::string rules =
      "Disallow: /a\nAllow: /a/b\nDisallow: /a/b/c\nallow: /x\nDISALLOW: /x\n";
  EXPECT_TRUE(allows(rules, "/"));
  EXPECT_FALSE(allows(rules, "/a"));
  EXPECT_FALSE(allows(rules, "/abc"));
  EXPECT_TRUE(allows(rules, "/a/b"));
  EXPECT_FALSE(allows(rules, "/a/b/c?d"));
  EXPECT_TRUE(allows(rules, "/x"));
  EXPECT_TRUE(allows("Disallow: /\n", "/robots.txt"));
  EXPECT_TRUE(allows("Disallow:\n", "/a"));
}

TEST(RobotsTxt, StarsAndDollarSigns) {
  EXPECT_FALSE(allows("Disallow: /*.gif$", "/a/b.gif"));
  EXPECT_TRUE(allows("Disallow: /*.gif$", "/a/b.gif?c"));
  EXPECT_FALSE(allows("Disallow: /*.gif", "/a/b.gif?c"));
  EXPECT_FALSE(allows("Disallow: /a*b*c", "/axxbyyc"));
  EXPECT_TRUE(allows("Disallow: /a*b*c", "/axxcyyb"));
  EXPECT_FALSE(allows("Disallow: /$", "/"));
  EXPECT_TRUE(allows("Disallow: /$", "/a"));
  EXPECT_FALSE(allows("Disallow: /a*ab$", "/aaab"));
  EXPECT_FALSE(allows("Disallow: /%7ea/\xc3\xa4", "/~a/%C3%A4"));
}

TEST(RobotsTxt, AGroupIsForThoseWhoAreNamed) {
  const std::string text =
      "\xef\xbb\xbfUser-agent: One\nUser-agent: two/1.0 # and a comment\nSitemap: /s\n"
      "Disallow: /both\nnonsense\n\nUser-Agent: *\rDisallow: /all\r\n"
      "user-agent: ONE\nCrawl-delay: 2.5\nDisallow: /one\n";
  const Robots one = Robots::parse(text, "one");
  EXPECT_FALSE(one.allows("/both"));
  EXPECT_FALSE(one.allows("/one"));
  EXPECT_TRUE(one.allows("/all"));
  EXPECT_EQ(one.crawl_delay(), 2500ms);
  const Robots two = Robots::parse(text, "Two");
  EXPECT_FALSE(two.allows("/both"));
  EXPECT_TRUE(two.allows("/one"));
  EXPECT_EQ(two.crawl_delay(), std::nullopt);
  EXPECT_FALSE(Robots::parse(text, "three").allows("/all"));
  EXPECT_TRUE(Robots::parse("User-agent: three\nDisallow: /\n", "one").allows("/"));
}

TEST(RobotsTxt, AHostileOneCostsLittle) {
  std::string rules;
  while (rules.size() < 2 * Robots::kFileLimit) rules += "Disallow: /*a*a*a*a*a*a*a*a*a*a*b\n";
  EXPECT_TRUE(allows(rules, "/" + std::string(1'500, 'a')));
  EXPECT_FALSE(allows(std::string(400, '\n') + "Disallow: /x", "/x"));
  EXPECT_TRUE(allows(std::string(Robots::kFileLimit, '\n') + "Disallow: /x", "/x"));
  EXPECT_EQ(Robots::parse("User-agent: *\nCrawl-delay: 1e30", "x").crawl_delay(), 60s);
}

// --- When to try again ---------------------------------------------------------------------------

TEST(Backoff, DrawsFromARangeThatDoublesUpToALimit) {
  Backoff backoff(100ms, 1s, 7);
  std::map<int, Duration> longest, shortest;
  for (int i = 0; i < 2'000; ++i) {
    const int failures = 1 + i % 8;
    const Duration pause = backoff.pause(failures);
    longest[failures] = std::max(longest[failures], pause);
    const auto [least, fresh] = shortest.emplace(failures, pause);
    least->second = std::min(least->second, pause);
  }
  for (int failures = 1; failures <= 8; ++failures) {
    const Duration range = std::min<Duration>(100ms * (1 << (failures - 1)), 1s);
    EXPECT_LE(longest[failures], range);
    EXPECT_GT(longest[failures], range * 9 / 10) << "not the whole range";
    EXPECT_LT(shortest[failures], range / 10) << "not the whole range";
  }
  Backoff again(100ms, 1s, 7), other(100ms, 1s, 8);
  EXPECT_EQ(Backoff(100ms, 1s, 7).pause(1), again.pause(1));
  EXPECT_NE(again.pause(2), other.pause(2));
}

TEST(Backoff, ReadsRetryAfterInBothForms) {
  EXPECT_EQ(retry_after("120", 0), 120s);
  EXPECT_EQ(retry_after("0", 0), 0s);
  EXPECT_EQ(retry_after("Sun, 06 Nov 1994 08:49:37 GMT", 784111777 - 5), 5s);
  EXPECT_EQ(retry_after("Sun, 06 Nov 1994 08:49:37 GMT", 784111777 + 5), 0s);
  EXPECT_EQ(retry_after("-1", 0), 0s);
  for (const char* nonsense : {"", "soon", "1.5", "1 s", "99999999999999999999"}) {
    EXPECT_EQ(retry_after(nonsense, 0), std::nullopt) << nonsense;
  }
}

// --- The frontier --------------------------------------------------------------------------------

const TimePoint kStart{};

TEST(Frontier, KeepsTheLimitsForAllAndForEachHost) {
  Frontier frontier(3, {.in_all = 4, .per_host = 2, .delay = 0s});
  for (std::uint32_t i = 0; i < 5; ++i) {
    for (std::size_t host = 0; host < 3; ++host) frontier.add({.host = host, .address = i});
  }
  std::vector<std::size_t> hosts;
  while (const auto errand = frontier.next(kStart)) hosts.push_back(errand->host);
  EXPECT_EQ(hosts, (std::vector<std::size_t>{0, 1, 2, 0})) << "they take turns";
  EXPECT_EQ(frontier.next_time(), kNever);
  frontier.ended(2);
  EXPECT_EQ(frontier.next(kStart)->host, 1u);
  EXPECT_EQ(frontier.next(kStart), std::nullopt);
  EXPECT_EQ(frontier.waiting(), 10u);
  EXPECT_EQ(frontier.under_way(), 4u);
}

TEST(Frontier, PausesBetweenTwoToOneHostAndLetsTheOthersGo) {
  Frontier frontier(2, {.in_all = 10, .per_host = 10, .delay = 100ms});
  frontier.set_delay(1, 300ms);
  frontier.set_delay(0, 1ms);  // less than ours
  for (std::uint32_t i = 0; i < 2; ++i) {
    for (std::size_t host = 0; host < 2; ++host) frontier.add({.host = host, .address = i});
  }
  EXPECT_EQ(frontier.next(kStart)->host, 0u);
  EXPECT_EQ(frontier.next(kStart)->host, 1u);
  EXPECT_EQ(frontier.next(kStart), std::nullopt);
  EXPECT_EQ(frontier.next_time(), kStart + 100ms);
  EXPECT_EQ(frontier.next(kStart + 100ms)->host, 0u);
  EXPECT_EQ(frontier.next_time(), kStart + 300ms);
  EXPECT_EQ(frontier.next(kStart + 299ms), std::nullopt);
  EXPECT_EQ(frontier.next(kStart + 300ms)->host, 1u);
  EXPECT_EQ(frontier.next_time(), kNever);
}

TEST(Frontier, WhatIsToBeTriedAgainComesWhenItsTimeHasAndThenFirst) {
  Frontier frontier(1, {.in_all = 10, .per_host = 1, .delay = 0s});
  frontier.add_later({.address = 7}, kStart + 1s);
  EXPECT_EQ(frontier.next(kStart), std::nullopt);
  EXPECT_EQ(frontier.next_time(), kStart + 1s);
  frontier.add({.address = 1});
  EXPECT_EQ(frontier.waiting(), 2u);
  EXPECT_EQ(frontier.next(kStart + 1s)->address, 7u);
  EXPECT_EQ(frontier.next(kStart + 1s), std::nullopt);
  frontier.ended(0);
  EXPECT_EQ(frontier.next(kStart + 1s)->address, 1u);
}

// --- What is known -------------------------------------------------------------------------------

TEST(Known, WhatIsWantedInTheEndDoesNotDependOnTheOrderOfThePages) {
  std::mt19937 random(3);
  const auto url = [](std::size_t number) { return "http://h/" + std::to_string(number); };
  for (int round = 0; round < 30; ++round) {
    // A web of 60 pages and redirects, most of them farther away than the limit on one way or
    // other.
    struct Node {
      Texts links;
      std::optional<std::string> location;
    };
    std::map<std::string, Node> web;
    for (std::size_t i = 0; i < 60; ++i) {
      Node& node = web[url(i)];
      if (random() % 3 == 0) {
        node.location = url(random() % 60);
      } else {
        for (int links = 0; links < 2; ++links) node.links.push_back(url(random() % 60));
      }
    }
    const auto crawl = [&](unsigned seed) {
      std::mt19937 order(seed);
      Known known({.depth = 4, .redirects = 2});
      known.add_seed(url(0));
      std::vector<Known::Id> wanted = known.take_wanted();
      while (!wanted.empty()) {
        const std::size_t next = order() % wanted.size();
        const Known::Id id = wanted[next];
        wanted.erase(wanted.begin() + static_cast<std::ptrdiff_t>(next));
        const Node& node = web[known[id].url];
        known.settle(id, {.status = node.location ? 301 : 200}, node.links, node.location);
        for (const Known::Id more : known.take_wanted()) wanted.push_back(more);
      }
      return json::write(to_json(findings_of(known)));
    };
    const std::string first = crawl(0);
    for (unsigned seed = 1; seed < 6; ++seed) ASSERT_EQ(crawl(seed), first);
  }
}

TEST(Known, KeepsNoMoreAddressesThanItMay) {
  Known known({.addresses = 3});
  known.add_seed("http://h/");
  known.settle(0, {.status = 200}, {"http://h/1", "http://h/2", "http://h/3", "http://h/4"}, {});
  EXPECT_EQ(known.size(), 3u);
  EXPECT_EQ(known.dropped(), 2u);
  EXPECT_EQ(known.take_wanted().size(), 2u);
}

// --- Crawls in virtual time ----------------------------------------------------------------------

constexpr std::size_t kSmall = 220;

Settings settings_for(const SitePlan& plan) {
  Settings settings;
  settings.seeds = plan.seeds();
  settings.politeness = {.in_all = 30, .per_host = 10, .delay = 0s};
  settings.timeout = 600ms;
  settings.first_pause = 50ms;
  settings.body = 100'000;
  settings.peer = Peer::here;
  return settings;
}

ServeOptions serving() {
  ServeOptions options;
  options.peer = Peer::here;
  return options;
}

std::string truth_text(const SitePlan& plan) {
  return json::write(to_json(truth_of(plan, 8, 100'000)), {.indent = 1});
}

std::string found_text(const Crawler& crawler) {
  return json::write(to_json(findings_of(crawler.known())), {.indent = 1});
}

/// Crawls, and is interrupted after `limit`. The site is a new one each time.
void crawl(Crawler& crawler, const SitePlan& plan, const ServeOptions& options,
           Duration limit = Duration::max()) {
  Reactor loop;
  VirtualTime time;
  auto scene = [&]() -> Task<> {
    const Site site(plan, options);
    auto body = [&]() -> Task<> { co_await crawler.crawl(); };
    try {
      co_await timeout(limit, body);
    } catch (const TimedOut&) {
    }
  };
  run(scene());
}

TEST(Crawl, FindsTheTruth) {
  for (std::uint64_t seed = 1; seed <= 2; ++seed) {
    const SitePlan plan({.seed = seed, .pages = kSmall});
    Crawler crawler(settings_for(plan));
    std::size_t decoys = 0;
    ServeOptions options = serving();
    options.whim = [&](const std::string& url) {
      const bool never = url.find("/decoy/") != url.npos || plan.forbidden(url);
      decoys += never ? 1 : 0;
      return 0;
    };
    crawl(crawler, plan, options);
    ASSERT_EQ(found_text(crawler), truth_text(plan)) << "seed " << seed;
    EXPECT_EQ(decoys, 0u) << "it asked for what is no link, or for what it was asked not to";
    EXPECT_FALSE(crawler.ended_early());
    EXPECT_EQ(crawler.progress().waiting, 0u);
  }
}

TEST(Crawl, InterruptedAnywhereAndResumedItFindsTheSame) {
  const SitePlan plan({.seed = 4, .pages = kSmall});
  const std::string truth = truth_text(plan);
  std::mt19937 random(5);
  for (int round = 0; round < 4; ++round) {
    std::string state;
    std::size_t parts = 0;
    for (bool done = false; !done; ++parts) {
      ASSERT_LT(parts, 200u);
      Crawler crawler(settings_for(plan));
      if (!state.empty()) restore(crawler, state);
      const std::size_t before = crawler.known().settled();
      // Long enough, now and then, for the slowest page to be given up after its fourth try.
      const Duration limit = parts % 5 == 4 ? Duration(5s) : 1ms * (random() % 60);
      crawl(crawler, plan, serving(), limit);
      EXPECT_GE(crawler.known().settled(), before);
      state = state_text(crawler);
      const Findings found = findings_of(crawler.known());
      done = found.unfinished == 0;
      if (done) {
        EXPECT_EQ(found_text(crawler), truth);
      }
    }
    EXPECT_GT(parts, 2u);
  }
}

TEST(Crawl, AServerWithMoodsChangesNothing) {
  const SitePlan plan({.seed = 6, .pages = kSmall});
  for (unsigned seed = 0; seed < 2; ++seed) {
    std::mt19937 random(seed);
    ServeOptions options = serving();
    options.whim = [&](const std::string& url) {
      if (url.find("/error/") != url.npos) return 0;  // which has its own, in the end, too
      constexpr int kMoods[] = {500, 502, 503, 504, 429, 408};
      return random() % 5 == 0 ? kMoods[random() % 6] : 0;
    };
    Settings settings = settings_for(plan);
    settings.retries = 14;
    settings.longest_pause = 2s;
    settings.seed = seed;
    Crawler crawler(settings);
    crawl(crawler, plan, options);
    EXPECT_EQ(found_text(crawler), truth_text(plan)) << "seed " << seed;
    EXPECT_GT(crawler.progress().retries, 50u);
  }
}

TEST(Crawl, WaitsAsLongAsItWasAskedTo) {
  const SitePlan plan({.seed = 7, .pages = kSmall});
  std::map<std::string, std::vector<TimePoint>> asked;  // by host
  ServeOptions options = serving();
  options.whim = [&](const std::string& url) {
    // Those that think longer are answered later, and are left out.
    if (url.find("/slow/") == url.npos) asked[http::Url::parse(url).host].push_back(Clock::now());
    return 0;
  };
  Settings settings = settings_for(plan);
  settings.politeness.delay = 40ms;
  settings.pages = 60;
  Crawler crawler(settings);
  crawl(crawler, plan, options);
  EXPECT_EQ(crawler.progress().settled, 60u);
  EXPECT_TRUE(crawler.ended_early());
  ASSERT_EQ(asked.size(), 3u);
  for (const auto& [host, times] : asked) {
    ASSERT_GT(times.size(), 3u);
    for (std::size_t i = 1; i < times.size(); ++i) EXPECT_GE(times[i] - times[i - 1], 39ms) << host;
  }
}

/// A crawl from `seed` of a server that answers as `handler` says.
Findings crawl_of(LoopbackServer::Handler handler, Settings settings = {}) {
  const LoopbackServer server(std::move(handler));
  Reactor loop;
  settings.seeds = {server.url("/")};
  settings.politeness.delay = 0s;
  settings.first_pause = 1ms;
  Crawler crawler(settings);
  run(crawler.crawl());
  return findings_of(crawler.known());
}

TEST(Crawl, RobotsTxtThatIsNotThereAllowsAndOneThatFailsForbids) {
  const auto with = [](int status) {
    return crawl_of([=](const http::IncomingRequest& request) {
      return text_response(request.path() == "/robots.txt" ? status : 200,
                           "User-agent: *\nDisallow: /\n");
    });
  };
  EXPECT_EQ(with(404).asked.size(), 1u);
  EXPECT_EQ(with(403).asked.size(), 1u);
  EXPECT_EQ(with(200).disallowed.size(), 1u);
  EXPECT_EQ(with(500).disallowed.size(), 1u);
  EXPECT_EQ(with(501).asked.size(), 0u);
}

TEST(Crawl, EndlessRedirectsEnd) {
  std::atomic<int> asked{0};
  const Findings found = crawl_of([&](const http::IncomingRequest& request) {
    if (request.path() == "/robots.txt") return text_response(404, "");
    http::Response response = text_response(302, "");
    response.headers.add("Location", "/" + std::to_string(++asked));
    return response;
  });
  EXPECT_EQ(found.asked.size(), 21u);
  ASSERT_EQ(found.broken.size(), 1u + 20u) << "each of the chain was given";
  EXPECT_EQ(found.broken.begin()->second.why, "302: too many redirects");
}

TEST(Crawl, RobotsTxtIsFollowedElsewhereAndThePageIsAskedForUnderOurName) {
  std::string agent;
  const Findings found = crawl_of(
      [&](const http::IncomingRequest& request) {
        http::Response response = text_response(200, "User-agent: Walker\nDisallow: /no\n");
        if (request.path() == "/robots.txt") {
          response.status = 301;
          response.headers.add("Location", "/rules");
        } else if (request.path() == "/") {
          agent = request.headers.get("User-Agent").value_or("");
          return text_response(200, "<a href=no><a href=yes>", "text/html");
        }
        return response;
      },
      {.agent = "walker/2.0 (a test)"});
  EXPECT_EQ(agent, "walker/2.0 (a test)");
  EXPECT_EQ(found.disallowed.size(), 1u);
  EXPECT_EQ(found.asked.size(), 2u);
}

// --- State, files, the line ----------------------------------------------------------------------

TEST(State, OneThatIsNotOfThisCrawlOrNotWholeIsRefused) {
  const SitePlan plan({.pages = 200});
  Settings settings = settings_for(plan);
  Crawler crawler(settings);
  crawler.known().settle(0, {.status = 200, .bytes = 7, .digest = "d", .seconds = 0.25},
                         {"http://www.chess.localhost/a", "http://elsewhere.example/"}, {});
  const std::string text = state_text(crawler);
  Crawler same(settings);
  restore(same, text);
  EXPECT_EQ(state_text(same), text);
  EXPECT_EQ(found_text(same), found_text(crawler));
  const auto refuse = [&](const std::string& state, const std::string& why) {
    Crawler fresh(settings);
    try {
      restore(fresh, state);
      ADD_FAILURE() << state;
    } catch (const std::exception& error) {
      EXPECT_NE(std::string(error.what()).find(why), std::string::npos) << error.what();
    }
  };
  for (std::size_t length = 0; length + 2 < text.size(); length += 97) {
    refuse(text.substr(0, length), "line 1");
  }
  const auto with = [&](const std::string& what, const std::string& instead) {
    std::string changed = text;
    const std::size_t at = changed.find(what);
    EXPECT_NE(at, changed.npos) << what;
    return changed.replace(at, what.size(), instead);
  };
  refuse(with("\"depth\":8", "\"depth\":9"), "its depth is 9, not 8");
  refuse(with("answered", "asked"), "no such outcome");
  refuse(with("http://elsewhere.example/", "file:/x"), "no address");
  refuse(with(",null]", ",999]"), "");
  refuse("{}", "crawl");
}

TEST(ReplaceFile, LeavesTheOldOrTheNew) {
  const TempDir folder;
  const std::string path = (folder / "state").string();
  replace_file(path, "one");
  replace_file(path, std::string(300'000, '2'));
  EXPECT_EQ(contents(path), std::string(300'000, '2'));
  EXPECT_EQ(whole_file(path).size(), 300'000u);
  EXPECT_THROW(whole_file(path, 1'000), LimitExceeded);
  std::filesystem::create_directory(folder / "taken");
  EXPECT_THROW(replace_file((folder / "taken").string(), "x"), std::system_error);
  EXPECT_THROW(replace_file((folder / "no/such/folder").string(), "x"), std::system_error);
  std::size_t files = 0;
  for (const auto& entry : std::filesystem::directory_iterator(folder.path())) {
    EXPECT_FALSE(entry.path().string().ends_with(".new"));
    ++files;
  }
  EXPECT_EQ(files, 2u);
}

TEST(ProgressLine, FitsTheTerminalAndIsRedOnlyWhereItMayBe) {
  const Progress now{.settled = 312,
                     .under_way = 48,
                     .waiting = 1204,
                     .broken = 9,
                     .bytes = 3 << 20,
                     .requests = 400};
  EXPECT_EQ(progress_text(now, 2, 79, false),
            "312 asked, 48 under way, 1204 wait, 9 broken, 3.0 MiB, 200 a second");
  EXPECT_EQ(progress_text(now, 2, 20, true), "312 asked, 48 under ");
  EXPECT_NE(progress_text(now, 2, 79, true).find("\x1b[31m9 broken\x1b[0m"), std::string::npos);
}

// --- The programs --------------------------------------------------------------------------------

/// Without what it took, which is different each time.
std::string found_part(const std::string& text) {
  return text.substr(0, text.rfind('\n', text.find(" requests, ")));
}

std::string found_in(const std::filesystem::path& file) {
  return json::write(json::parse(contents(file.string()))["found"]);
}

std::string whole_truth() {
  const SitePlan plan({});
  return json::write(to_json(truth_of(plan, 8, 1 << 20)));
}

/// Waits until `done` is true; false after half a minute.
template <class Done>
bool eventually(Done done) {
  for (int i = 0; i < 6'000; ++i) {
    if (done()) return true;
    ::usleep(5'000);
  }
  return false;
}

const Texts kFlags = {"--timeout", "0.6"};

RunResult crawl_program(Texts flags) {
  flags.insert(flags.end(), kFlags.begin(), kFlags.end());
  return testing::run(kName, flags);
}

void run_whole(const TempDir& folder) {
  const std::string file = (folder / "whole.json").string();
  const RunResult result = crawl_program({"--json", file});
  EXPECT_EQ(result.status, 0);
  EXPECT_EQ(result.err, "");
  const std::string expected = contents("lessons/" + kName + "/expected.txt");
  EXPECT_EQ(found_part(result.out), found_part(expected));
  EXPECT_EQ(testing::lines_of(result.out).size(), testing::lines_of(expected).size());
  EXPECT_EQ(found_in(file), whole_truth());
}

/// Ends it by `signal` as soon as it has saved something, and resumes it.
void run_in_two(const TempDir& folder, int signal) {
  const std::string name = "part" + std::to_string(signal);
  const std::string state = (folder / name).string();
  const std::string file = (folder / (name + ".json")).string();
  {
    Child child({program(kName), "--state", state, "--json", file, "--latency", "0.05"});
    if (!eventually([&] { return std::filesystem::exists(state); })) {
      ADD_FAILURE() << "nothing was saved";
      return;
    }
    EXPECT_EQ(::kill(child.pid(), signal), 0);
    std::string out;
    char byte = 0;
    while (::read(child.out.get(), &byte, 1) == 1) out += byte;
    EXPECT_EQ(::read(child.err.get(), &byte, 1), 0) << "it wrote something on stderr";
    EXPECT_EQ(child.wait(), 128 + signal);
    if (signal == SIGINT) {
      EXPECT_EQ(child.killed_by(), 0);
      EXPECT_NE(out.find("Cut short: "), out.npos) << out;
      EXPECT_NE(out.find("--resume"), out.npos) << out;
      const json::Value partial = json::parse(contents(file));
      EXPECT_FALSE(partial["found"]["complete"].as_bool());
      EXPECT_GT(partial["found"]["pages"].size(), 10u);
    }
  }
  const RunResult result = crawl_program({"--json", file, "--state", state, "--resume"});
  EXPECT_EQ(result.status, 0) << result.err;
  EXPECT_EQ(found_in(file), whole_truth());
  EXPECT_EQ(found_part(result.out), found_part(contents("lessons/" + kName + "/expected.txt")));
}

/// So it was wished: no failure.
void run_limited() {
  const RunResult result = testing::run(kName, {"--time", "0.2", "--latency", "0.05"});
  EXPECT_EQ(result.status, 0) << result.err;
  EXPECT_NE(result.out.find("Cut short: "), result.out.npos) << result.out;
  EXPECT_EQ(result.err, "") << "no progress line but on a terminal";
}

/// The site as a program, crawled by the other one.
void run_site(const TempDir& folder) {
  const std::string truth = (folder / "truth.json").string();
  const std::string report = (folder / "report.json").string();
  for (int tries = 0; tries < 20; ++tries) {
    const int port = 20'000 + static_cast<int>((::getpid() * 7 + tries * 131) % 30'000);
    Child site({program(kName + ".site"), "--port", std::to_string(port), "--pages", "200",
                "--truth", truth, "--latency", "0"});
    std::string out;
    char byte = 0;
    while (std::count(out.begin(), out.end(), '\n') < 4 && ::read(site.out.get(), &byte, 1) == 1) {
      out += byte;
    }
    if (out.empty()) continue;  // that port is taken: another one
    Texts arguments = testing::lines_of(out);
    EXPECT_EQ(arguments[0], "http://www.chess.localhost:" + std::to_string(port) + "/");
    arguments.insert(arguments.end(), {"--json", report, "--delay", "0", "--per-host", "20"});
    const RunResult result = crawl_program(arguments);
    EXPECT_EQ(result.status, 0) << result.err;
    EXPECT_EQ(found_in(report), json::write(json::parse(contents(truth))));
    EXPECT_EQ(::kill(site.pid(), SIGTERM), 0);
    EXPECT_EQ(site.wait(), 0);
    return;
  }
  ADD_FAILURE() << "no port was free";
}

TEST(Lesson21, FindsTheTruthWholeInterruptedKilledAndOnASiteElsewhere) {
  const TempDir folder;
  // At the same time, for each waits most of the time for a server that never answers.
  std::vector<std::future<void>> all;
  all.push_back(std::async(std::launch::async, [&] { run_whole(folder); }));
  for (const int signal : {SIGINT, SIGKILL}) {
    all.push_back(std::async(std::launch::async, [&, signal] { run_in_two(folder, signal); }));
  }
  all.push_back(std::async(std::launch::async, [&] { run_site(folder); }));
  all.push_back(std::async(std::launch::async, run_limited));
  for (std::future<void>& one : all) one.get();
}

TEST(Lesson21, SaysWhenNobodyAnswers) {
  const RunResult result = testing::run(kName, {"http://127.0.0.1:1/", "--retries", "0"});
  EXPECT_EQ(result.status, 1);
  EXPECT_EQ(result.err, kName +
                            ": http://127.0.0.1:1/robots.txt: no connection; so nothing was "
                            "asked for there\n");
  EXPECT_TRUE(result.out.starts_with("0 addresses asked for")) << result.out;
}

TEST(Lesson21, WrongCommandLinesAreRefused) {
  for (const Texts& wrong : {Texts{"--resume"}, Texts{"https://h/"}, Texts{"--depth", "x"}}) {
    const RunResult result = testing::run(kName, wrong);
    EXPECT_EQ(result.status, 2);
    EXPECT_EQ(result.out, "");
    EXPECT_NE(result.err.find("usage: " + kName), std::string::npos) << result.err;
  }
  const RunResult missing = testing::run(kName, {"--state", "/no/such/file", "--resume"});
  EXPECT_EQ(missing.status, 1);
  EXPECT_EQ(testing::lines_of(missing.err).size(), 1u) << missing.err;
}

TEST(Lesson21, TheMiniatureIsOverWhenTheFrontierIsEmptyAndNobodyIsUnderWay) {
  const RunResult result = testing::run(kName + ".miniature");
  EXPECT_EQ(result.status, 0);
  for (const char* line : {" 3 at once: 11 pages in  9 s\n", " 1 at once: 11 pages in 20 s\n",
                           "10 at once: 11 pages in  8 s\n"}) {
    EXPECT_NE(result.out.find(line), std::string::npos) << result.out;
  }
}

TEST(Lesson21, TheReadmeQuotesItsRealOutput) {
  testing::expect_readme_quotes_output(kName);
}

}  // namespace
}  // namespace simul::crawl
