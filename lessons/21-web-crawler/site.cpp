// The made-up site, for crawlers of your own: it serves until Ctrl-C.
//
// It prints where to begin, and with --truth what there is to be found: the same document that the
// crawler's --json has under "found". So a crawler in any language can be tried against it.
#include <csignal>
#include <string>
#include <utility>

#include "lessons/21-web-crawler/findings.hpp"
#include "lessons/21-web-crawler/replace_file.hpp"
#include "lessons/21-web-crawler/site_plan.hpp"
#include "lessons/21-web-crawler/site_server.hpp"
#include "lessons/21-web-crawler/site_truth.hpp"
#include "lessons/common/lesson.hpp"
#include "runtime/json/json.hpp"
#include "runtime/reactor/reactor.hpp"

using namespace simul;
using namespace simul::crawl;

struct Wishes {
  int port = 0;
  int pages = 1'000;
  int seed = 1;
  int depth = 8;
  int bytes = 1 << 20;
  double latency = 0.005;
  std::string truth{};
};

void serve(const Wishes& wishes) {
  ServeOptions options;
  options.site = {.seed = static_cast<std::uint64_t>(wishes.seed),
                  .pages = static_cast<std::size_t>(wishes.pages),
                  .port = static_cast<std::uint16_t>(wishes.port)};
  options.latency = from_seconds(wishes.latency);
  const SitePlan plan(options.site);
  if (!wishes.truth.empty()) {
    const Findings truth = truth_of(plan, wishes.depth, static_cast<std::size_t>(wishes.bytes));
    replace_file(wishes.truth, json::write(to_json(truth), {.indent = 2}) + "\n");
  }
  Reactor loop;
  for (const int signal : {SIGINT, SIGTERM}) {
    loop.add_signal_handler(signal, [&loop] { loop.stop(); });
  }
  const Site site(plan, options);
  for (const std::string& seed : plan.seeds()) say(seed);
  loop.run_forever();
}

int main(int argc, char** argv) {
  Wishes w;
  Flag port = number("--port", "P", "listen there and, for the odd server, at the next one", w.port,
                     1, 65'534);
  port.needed = true;
  return lesson(
      argc, argv,
      {.about = "Serves the made-up site that the crawler crawls, until Ctrl-C, and prints the\n"
                "addresses at which to begin.",
       .flags = {std::move(port),
                 number("--pages", "N", "addresses in all (1000)", w.pages, 150, 1'000'000),
                 number("--seed", "N", "another number, another site (1)", w.seed, 0,
                        2'000'000'000),
                 amount("--latency", "S", "of each answer (0.005)", w.latency, 0, 60),
                 text("--truth", "FILE", "write there what a correct crawl finds", w.truth),
                 number("--depth", "N", "of that crawl (8)", w.depth, 0, 1'000),
                 number("--bytes", "N", "and how much it reads of a page (1048576)", w.bytes, 1,
                        256 << 20)}},
      [&] { serve(w); });
}
