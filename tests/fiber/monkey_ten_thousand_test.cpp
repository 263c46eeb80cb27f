// Ten thousand blocking downloads at once in one thread: http::get under the monkey patch.
//
// The server is a process of its own, for a connection takes a descriptor at each end. It answers
// nobody before all have asked, so "at once" is exact.
#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <string>
#include <vector>

#include "lessons/common/loopback_server.hpp"
#include "runtime/base/stopwatch.hpp"
#include "runtime/fiber/annotate.hpp"
#include "runtime/fiber/fiber.hpp"
#include "runtime/fiber/monkey.hpp"
#include "runtime/http/blocking_client.hpp"
#include "tests/support/server_process.hpp"

namespace simul {
namespace {

using namespace std::chrono_literals;

// ThreadSanitizer's bookkeeping for fibers ends at about 8,000 of them, at both ends together, and
// AddressSanitizer takes half a minute for so many: what it finds, it finds in a thousand.
#if defined(SIMUL_TSAN) || defined(SIMUL_ASAN)
constexpr std::size_t kWanted = 1'000;
#else
constexpr std::size_t kWanted = 10'000;
#endif

TEST(MonkeyTenThousand, FibersDownloadAtOnce) {
  const std::size_t limit = testing::raise_descriptor_limit();
  ASSERT_GT(limit, 300u);
  const std::size_t count = std::min(kWanted, limit - 200);
  RecordProperty("fibers", static_cast<int>(count));
  if (count < kWanted) std::printf("only %zu fibers: the descriptor limit is %zu\n", count, limit);

  std::size_t asked = 0;  // in the server's process, by fibers of one thread
  const testing::ServerProcess server([&](const http::IncomingRequest&) {
    ++asked;
    for (Stopwatch patience; asked < count;) {
      if (patience.elapsed() > 100s) return text_response(503, "the others never came");
      this_fiber::sleep_for(100ms);
    }
    return text_response(200, "together");
  });

  monkey::patch_all();
  Reactor loop;
  std::vector<Fiber<bool>> fibers;
  fibers.reserve(count);
  for (std::size_t i = 0; i < count; ++i) {
    fibers.push_back(spawn([url = server.url()] {
      http::RequestOptions options;
      options.timeouts = {.connect = 100s, .read = 100s, .total = 100s};
      const http::Response response = http::get(url, std::move(options));
      return response.status == 200 && response.body == "together";
    }));
  }
  Stopwatch elapsed;
  const auto ended = join_all(fibers, {.raise_error = true});
  std::printf("%zu downloads at once in %.2f s\n", count, elapsed.seconds());
  EXPECT_EQ(ended.size(), count);
  EXPECT_TRUE(std::ranges::all_of(fibers, [](const auto& fiber) { return fiber.result(); }));
}

}  // namespace
}  // namespace simul
