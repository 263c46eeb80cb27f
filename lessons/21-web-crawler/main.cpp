// A web crawler: a whole site, as fast as is polite, and a report of what is wrong with it.
//
// Without arguments it crawls a site of a thousand addresses that it makes up and serves itself, on
// a thread of its own (site_server.hpp), with all that sites have: loops, endless calendars, pages
// that are gone, slow, huge, there three times, and a server that keeps no rules.
//
// Ctrl-C cancels the main task. That cancels the crawl and with it every errand that is under way;
// then the cleanup runs: what is known is saved and reported, and the exit status is 130. There is
// no flag that anybody would have to look at, and no half of a page anywhere.
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "lessons/21-web-crawler/crawler.hpp"
#include "lessons/21-web-crawler/findings.hpp"
#include "lessons/21-web-crawler/normal_url.hpp"
#include "lessons/21-web-crawler/progress.hpp"
#include "lessons/21-web-crawler/replace_file.hpp"
#include "lessons/21-web-crawler/report.hpp"
#include "lessons/21-web-crawler/site_plan.hpp"
#include "lessons/21-web-crawler/site_server.hpp"
#include "lessons/21-web-crawler/state.hpp"
#include "lessons/21-web-crawler/state_file.hpp"
#include "lessons/common/lesson.hpp"
#include "runtime/base/stopwatch.hpp"
#include "runtime/task/finally.hpp"
#include "runtime/task/run.hpp"
#include "runtime/task/task_group.hpp"
#include "runtime/task/timeout.hpp"
#include "runtime/task/to_thread.hpp"

using namespace simul;
using namespace simul::crawl;

/// What the command line says. A negative number: what suits the site, a stranger's or our own.
struct Wishes {
  std::vector<std::string> urls{};
  int concurrency = 50;
  int per_host = -1;
  double delay = -1;
  int depth = 8;
  int pages = 10'000;
  double time = 0;
  double timeout = -1;
  int retries = 3;
  int bytes = 1 << 20;
  int seed = 1;
  double latency = 0.005;
  std::string agent = "simul-crawler";
  std::string json{};
  std::string state{};
  bool resume = false;
};

Settings settings_of(const Wishes& wishes) {
  const bool own = wishes.urls.empty();
  const auto given_or = [](double given, double otherwise) {
    return from_seconds(given >= 0 ? given : otherwise);
  };
  Settings settings;
  settings.reach.depth = wishes.depth;
  settings.politeness.in_all = static_cast<std::size_t>(wishes.concurrency);
  settings.politeness.per_host = static_cast<std::size_t>(wishes.per_host > 0 ? wishes.per_host
                                                          : own               ? 20
                                                                              : 2);
  settings.politeness.delay = given_or(wishes.delay, own ? 0 : 0.5);
  settings.pages = static_cast<std::size_t>(wishes.pages);
  settings.timeout = given_or(wishes.timeout, own ? 0.6 : 10);
  settings.retries = wishes.retries;
  settings.first_pause = from_seconds(own ? 0.05 : 1);
  settings.body = static_cast<std::size_t>(wishes.bytes);
  settings.seed = static_cast<std::uint64_t>(wishes.seed);
  settings.agent = wishes.agent;
  for (const std::string& text : wishes.urls) {
    const std::optional<std::string> url = normal_url(text);
    if (!url) throw WrongUsage{"no http address: " + text};
    settings.seeds.push_back(*url);
  }
  return settings;
}

/// The crawl, with what runs beside it.
Task<> crawl_and_save(Crawler& crawler, StateFile* state) {
  std::optional<ProgressLine> line;
  if (has_progress_line()) line.emplace(crawler);
  auto body = [&](TaskGroup& group) -> Task<> {
    std::vector<TaskHandle<>> beside;
    if (line) beside.push_back(group.create_task(line->run(), "progress"));
    if (state != nullptr) beside.push_back(group.create_task(state->keep_saving(), "state"));
    co_await crawler.crawl();
    for (const TaskHandle<>& task : beside) task.cancel();
  };
  co_await task_group(body);
}

Task<> crawl_site(const Wishes& wishes, Settings settings) {
  Crawler crawler(std::move(settings));
  if (wishes.resume) {
    try {
      restore(crawler, whole_file(wishes.state));
    } catch (const std::system_error&) {
      throw;
    } catch (const std::exception& error) {
      throw std::runtime_error("resume " + wishes.state + ": " + error.what());
    }
  }
  std::optional<StateFile> state;
  if (!wishes.state.empty()) state.emplace(wishes.state, crawler);
  const Stopwatch watch;
  auto crawl = [&]() -> Task<> {
    const Duration limit = wishes.time > 0 ? from_seconds(wishes.time) : Duration::max();
    auto body = [&]() -> Task<> { co_await crawl_and_save(crawler, state ? &*state : nullptr); };
    try {
      co_await timeout(limit, body);
    } catch (const TimedOut&) {  // so it was wished: the report says what is missing
    }
  };
  auto finish = [&]() -> Task<> {
    const double seconds = watch.seconds();
    const Findings found = findings_of(crawler.known());
    const Progress progress = crawler.progress();
    const Effort effort{seconds, progress.requests, progress.retries, slowest_of(crawler.known())};
    write_out(text_of(found) + text_of(effort));
    if (state) {
      co_await state->save();
      if (found.unfinished > 0) say("\nTo go on: the same again with --resume");
    }
    if (!wishes.json.empty()) {
      std::string text = json::write(to_json(found, effort), {.indent = 2}) + "\n";
      co_await to_thread(replace_file, wishes.json, std::move(text));
    }
    for (const std::string& line : crawler.left_alone()) complain(std::runtime_error(line));
  };
  co_await finally(crawl, finish);
}

void example(const Wishes& wishes) {
  if (wishes.resume && wishes.state.empty()) throw WrongUsage{"--resume needs --state FILE"};
  Settings settings = settings_of(wishes);
  if (!wishes.urls.empty()) return run(crawl_site(wishes, std::move(settings)));
  ServeOptions options;
  options.site.seed = settings.seed;
  options.latency = from_seconds(wishes.latency);
  const SitePlan plan(options.site);
  const SiteThread site(plan, options);
  settings.seeds = plan.seeds();
  run(crawl_site(wishes, std::move(settings)));
}

int main(int argc, char** argv) {
  Wishes w;
  const std::string own = "; 0 for the made-up site";
  return lesson(
      argc, argv,
      {.about = "Crawls the hosts of the URLs, as fast as is polite, and reports what it found.\n"
                "Without URLs, a site of a thousand addresses that it makes up itself.",
       .flags =
           {number("--concurrency", "N", "requests at once, in all (50)", w.concurrency, 1, 10'000),
            number("--per-host", "N", "and to one host (2; 20 for the made-up site)", w.per_host, 1,
                   10'000),
            amount("--delay", "S", "seconds between two to one host (0.5" + own + ")", w.delay, 0,
                   3'600),
            number("--depth", "N", "how many links from a URL (8)", w.depth, 0, 1'000),
            number("--pages", "N", "ask for no more than so many (10000)", w.pages, 1, 1'000'000),
            amount("--time", "S", "end after so many seconds (0: when it is done)", w.time, 0, 1e6),
            amount("--timeout", "S", "for one request (10; 0.6 for the made-up site)", w.timeout,
                   0.001, 3'600),
            number("--retries", "N", "after a failure that may pass (3)", w.retries, 0, 100),
            number("--bytes", "N", "how much of a page is read (1048576)", w.bytes, 1, 256 << 20),
            text("--user-agent", "NAME", "who we say we are (simul-crawler)", w.agent),
            text("--json", "FILE", "write the whole report there", w.json),
            text("--state", "FILE", "keep there what is done", w.state),
            on("--resume", "go on with what is in that file", w.resume),
            number("--seed", "N", "of the pauses, and of the made-up site (1)", w.seed, 0,
                   2'000'000'000),
            amount("--latency", "S", "of the made-up site's answers (0.005)", w.latency, 0, 60)},
       .operands = Operands{"[URL...]", "begin here, and stay on these hosts", &w.urls}},
      [&] { example(w); });
}
