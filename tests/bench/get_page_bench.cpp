// A thousand pages from this machine: get_page with all of them in flight at once, beside the
// blocking client that fetches them one after the other, a connection for each in either case.
//
// The server is a process of its own. It answers at once in the one pair, so what is compared is
// the work of a client; and after 10 ms in the other, so what is compared is what waiting costs:
// there the blocking client fetches only a hundred.
#include <chrono>
#include <string>
#include <vector>

#include "lessons/common/loopback_server.hpp"
#include "runtime/deferred/deferred_list.hpp"
#include "runtime/fiber/fiber.hpp"
#include "runtime/http/blocking_client.hpp"
#include "runtime/web/get_page.hpp"
#include "tests/bench/bench.hpp"
#include "tests/support/server_process.hpp"

namespace simul {
namespace {

// Microseconds for each of `count` pages.
double at_once(const std::string& url, std::size_t count) {
  Reactor loop;
  const double start = bench::seconds_now();
  std::vector<Deferred<std::string>> pages;
  for (std::size_t i = 0; i < count; ++i) pages.push_back(web::get_page(url));
  bench::keep(await(gather_results(pages).wait()));
  return (bench::seconds_now() - start) * 1e6 / static_cast<double>(count);
}

double in_turn(const std::string& url, std::size_t count) {
  const double start = bench::seconds_now();
  for (std::size_t i = 0; i < count; ++i) bench::keep(http::get(url).body);
  return (bench::seconds_now() - start) * 1e6 / static_cast<double>(count);
}

}  // namespace
}  // namespace simul

int main(int argc, char** argv) {
  return simul::bench::run(argc, argv, [](simul::bench::Bench& bench) {
    using namespace simul;
    testing::raise_descriptor_limit();
    const testing::ServerProcess server([](const http::IncomingRequest& request) {
      if (request.target == "/slow") this_fiber::sleep_for(std::chrono::milliseconds(10));
      return text_response(200, std::string(1000, 'x'));
    });
    bench.compare(
        "get_page.1000_at_once", "us", [&] { return at_once(server.url(), 1000); },
        [&] { return in_turn(server.url(), 1000); });
    bench.compare(
        "get_page.1000_at_once_10ms", "us", [&] { return at_once(server.url("/slow"), 1000); },
        [&] { return in_turn(server.url("/slow"), 100); });
  });
}
