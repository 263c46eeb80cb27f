// A library that knows nothing of us: libcurl's easy interface, whose calls block until a download
// is there. Under the patch several fibers are in it at once, in one thread.
//
// The server answers nobody before all have asked. If one download held up the thread, the others
// would never ask; the server then gives up, and the test fails.
#include <gtest/gtest.h>

#if !__has_include(<curl/curl.h>)

TEST(MonkeyCurl, SeveralFibersAreInLibcurlAtOnce) {
  GTEST_SKIP() << "libcurl is not installed (apt install libcurl4-openssl-dev)";
}

#else

#include <curl/curl.h>
#include <netdb.h>

#include <atomic>
#include <chrono>
#include <string>
#include <vector>

#include "lessons/common/loopback_server.hpp"
#include "runtime/base/stopwatch.hpp"
#include "runtime/fiber/fiber.hpp"
#include "runtime/fiber/monkey.hpp"
#include "runtime/fiber/patched.hpp"

namespace simul {
namespace {

using namespace std::chrono_literals;

constexpr int kFibers = 5;

std::size_t append(char* data, std::size_t size, std::size_t count, void* text) {
  static_cast<std::string*>(text)->append(data, size * count);
  return size * count;
}

struct Download {
  CURLcode code = CURLE_OK;
  long status = 0;
  std::string body;
};

Download download(const std::string& url) {
  Download result;
  CURL* const curl = curl_easy_init();
  curl_easy_setopt(curl, CURLOPT_URL, url.c_str());
  curl_easy_setopt(curl, CURLOPT_PROXY, "");  // whatever the environment says
  curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, append);
  curl_easy_setopt(curl, CURLOPT_WRITEDATA, &result.body);
  result.code = curl_easy_perform(curl);
  curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &result.status);
  curl_easy_cleanup(curl);
  return result;
}

class MonkeyCurl : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    monkey::patch_all();
    curl_global_init(CURL_GLOBAL_DEFAULT);
  }
  static void TearDownTestSuite() { curl_global_cleanup(); }

  // Lets `kFibers` fibers download at the same time, each through `host`.
  void expect_all_at_once(const std::string& host) {
    const std::string url =
        "http://" + host + ":" + std::to_string(server_.address().port()) + "/page";
    std::vector<Fiber<Download>> fibers;
    for (int i = 0; i < kFibers; ++i) fibers.push_back(spawn(download, url));
    for (const auto& fiber : join_all(fibers)) {
      EXPECT_EQ(fiber.result().code, CURLE_OK) << curl_easy_strerror(fiber.result().code);
      EXPECT_EQ(fiber.result().status, 200);
      EXPECT_EQ(fiber.result().body, "together");
    }
    EXPECT_EQ(asked_.load(), kFibers);
  }

  Reactor loop_;
  std::atomic<int> asked_{0};
  LoopbackServer server_{[this](const http::IncomingRequest&) {
    ++asked_;
    for (Stopwatch patience; asked_ < kFibers;) {
      if (patience.elapsed() > 20s) return text_response(503, "the others never came");
      this_fiber::sleep_for(5ms);
    }
    return text_response(200, "together");
  }};
};

TEST_F(MonkeyCurl, SeveralFibersAreInLibcurlAtOnce) {
  expect_all_at_once("127.0.0.1");
}

TEST_F(MonkeyCurl, ItsOwnWayOfLookingUpNamesIsNoObstacle) {
  addrinfo* list = nullptr;
  if (::getaddrinfo("localhost", nullptr, nullptr, &list) != 0) {
    GTEST_SKIP() << "this machine has no localhost";
  }
  ::freeaddrinfo(list);
  expect_all_at_once("localhost");
}

TEST_F(MonkeyCurl, ItTakesTheTimeOfTheSlowest) {
  LoopbackServer slow([](const http::IncomingRequest& request) {
    this_fiber::sleep_for(std::chrono::milliseconds(std::stoi(request.target.substr(1))));
    return text_response(200, "late");
  });
  Stopwatch elapsed;
  std::vector<Fiber<Download>> fibers;
  for (const char* path : {"/500", "/400", "/450", "/350", "/300"}) {
    fibers.push_back(spawn(download, slow.url(path)));
  }
  join_all(fibers);
  EXPECT_GE(elapsed.elapsed(), 500ms);
  EXPECT_LT(elapsed.elapsed(), 1000ms) << "one after the other it would take 2000 ms";
}

TEST_F(MonkeyCurl, AKilledFiberComesOutOfItInTheOrdinaryWay) {
  CURLcode code = CURLE_OK;
  auto fiber = spawn([&] {
    code = download(server_.url("/never")).code;  // the others never come
    this_fiber::yield();
  });
  this_fiber::sleep_for(50ms);
  EXPECT_FALSE(fiber.done());
  fiber.kill();
  fiber.join();
  EXPECT_TRUE(fiber.cancelled());
  EXPECT_NE(code, CURLE_OK);
}

}  // namespace
}  // namespace simul

#endif
