// A load generator: so many clients ask for a page, again and again, and what they got is printed.
//
//     $ build/lessons/19-web-server.load http://127.0.0.1:8000/ --clients 100 --seconds 5
//
// A line for each figure, `name value unit`, for scripts (load.hpp says what they mean). A time
// with "at_least" behind its unit is one whose request had not been answered when we stopped
// looking. Failures are counted, and explained on stderr. Exit status 1 if nothing was answered.
#include <cinttypes>
#include <cstdio>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "lessons/19-web-server/descriptors.hpp"
#include "lessons/19-web-server/load.hpp"
#include "lessons/common/lesson.hpp"
#include "runtime/http/error.hpp"
#include "runtime/http/url.hpp"
#include "runtime/net/lookup.hpp"
#include "runtime/task/run.hpp"

using namespace simul;  // NOLINT(google-build-using-namespace): a program of one file

namespace {

http::Url parse_url(const std::string& text) {
  http::Url url;
  try {
    url = http::Url::parse(text);
  } catch (const http::InvalidUrl& error) {
    throw WrongUsage{error.what()};
  }
  if (url.scheme != "http") throw WrongUsage{"no TLS here: " + text};
  return url;
}

void print(const char* name, std::uint64_t count) {
  std::printf("%s %" PRIu64 " requests\n", name, count);
}

void print(const char* name, LoadReport::Time time) {
  std::printf("%s %.6f s%s\n", name, time.seconds, time.at_least ? " at_least" : "");
}

}  // namespace

int main(int argc, char** argv) {
  int clients = 10;
  double seconds = 1;
  double patience = 1;
  std::vector<std::string> urls;
  const Lesson about{
      .about = "A load generator: clients that ask for a page again and again.",
      .flags = {number("--clients", "N", "how many at once (10)", clients, 1, 1'000'000),
                amount("--seconds", "S", "for so long (1)", seconds, 0.01, 86400),
                amount("--patience", "S", "and then wait so long for what was asked (1)", patience,
                       0, 86400)},
      .operands = Operands{"URL", "the page", &urls, 1}};
  return lesson(argc, argv, about, [&] {
    if (urls.size() > 1) throw WrongUsage{"one URL, please"};
    const http::Url url = parse_url(urls.front());
    raise_descriptor_limit();
    auto measure = [&]() -> Task<LoadReport> {
      LoadOptions options;
      options.server = (co_await net::lookup(url.host, url.port)).front();
      options.host = url.host_header();
      options.target = url.target();
      options.clients = static_cast<std::size_t>(clients);
      options.window = from_seconds(seconds);
      options.patience = from_seconds(patience);
      Load load(std::move(options));
      co_return co_await load.run();
    };
    const LoadReport report = run(measure());
    for (const auto& [why, count] : report.failures) {
      std::fprintf(stderr, "%" PRIu64 " failed: %s\n", count, why.c_str());
    }
    if (report.answered == 0) throw std::runtime_error("nothing was answered: " + urls.front());
    print("answered", report.answered);
    print("unanswered", report.unanswered);
    print("failed", report.failed);
    std::printf("rate %.1f 1/s\n", report.rate());
    print("median", report.quantile(0.5));
    print("p99", report.quantile(0.99));
    print("max", report.times.back());
  });
}
