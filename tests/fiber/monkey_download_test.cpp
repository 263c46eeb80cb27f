// http::get in several fibers at once, from a server that none of us wrote (Python's http.server)
// and from addresses where nothing good is to be expected: each failure is its own fiber's, and the
// others' downloads go on.
#include <gtest/gtest.h>
#include <unistd.h>

#include <chrono>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "runtime/base/error.hpp"
#include "runtime/fiber/fiber.hpp"
#include "runtime/fiber/monkey.hpp"
#include "runtime/http/blocking_client.hpp"
#include "runtime/net/socket.hpp"
#include "tests/support/child.hpp"
#include "tests/support/temp_dir.hpp"

namespace simul {
namespace {

using namespace std::chrono_literals;

std::string random_bytes(std::size_t size) {
  std::string bytes(size, '\0');
  std::mt19937_64 random(7);
  for (std::size_t i = 0; i + 8 <= size; i += 8) {
    const std::uint64_t word = random();
    std::memcpy(&bytes[i], &word, 8);
  }
  return bytes;
}

class MonkeyDownload : public ::testing::Test {
 protected:
  static void SetUpTestSuite() { monkey::patch_all(); }

  // Serves `folder_`; its address is in `url_`. Skips the test where there is no Python.
  void start_python() {
    if (std::system("python3 --version >/dev/null 2>&1") != 0) {
      GTEST_SKIP() << "python3 is not installed";
    }
    python_ = std::make_unique<testing::Child>(
        std::vector<std::string>{"python3", "-u", "-m", "http.server", "--bind", "127.0.0.1",
                                 "--directory", folder_.path().string(), "0"});
    // "Serving HTTP on 127.0.0.1 port 40123 (http://127.0.0.1:40123/) ..."
    std::string line;
    for (char c; ::read(python_->out.get(), &c, 1) == 1 && c != '\n';) line += c;
    const std::size_t from = line.find("(http://");
    ASSERT_NE(from, std::string::npos) << line;
    url_ = line.substr(from + 1, line.find("/)", from) - from - 1);
  }

  // The message of the exception that ended `fiber`.
  template <class T>
  static std::string failure_of(const Fiber<T>& fiber) {
    fiber.join();
    const std::exception_ptr error = fiber.error();
    return error == nullptr ? "" : message_of(error);
  }

  Reactor loop_;
  testing::TempDir folder_;
  std::unique_ptr<testing::Child> python_;
  std::string url_;
};

TEST_F(MonkeyDownload, FiftyMegabytesArriveIntactInEachOfFourFibers) {
  const std::string big = random_bytes(50'000'000);
  folder_.write("big.bin", big);
  ASSERT_NO_FATAL_FAILURE(start_python());
  if (IsSkipped()) return;
  std::vector<Fiber<bool>> fibers;
  for (int i = 0; i < 4; ++i) {
    fibers.push_back(spawn([&] { return http::get(url_ + "/big.bin").body == big; }));
  }
  for (const auto& fiber : fibers) EXPECT_TRUE(fiber.result());
}

TEST_F(MonkeyDownload, FailuresStayWithTheirFiberAndTheOthersGoOn) {
  folder_.write("page", "here");
  ASSERT_NO_FATAL_FAILURE(start_python());
  if (IsSkipped()) return;
  const UniqueFd silent = net::listen_on(net::Address::loopback(0));  // takes calls, says nothing
  const std::string stalled = "http://" + net::local_address(silent.get()).to_string() + "/";
  const std::string refused =
      "http://" + net::local_address(net::listen_on(net::Address::loopback(0)).get()).to_string() +
      "/";
  const auto download = [](const std::string& url) {
    http::RequestOptions options;
    options.timeouts.read = 300ms;
    return http::get(url, std::move(options)).body;
  };

  const auto from_stalled = spawn(download, stalled);
  const auto from_refused = spawn(download, refused);
  const auto from_nowhere = spawn(download, "http://no-such-host.invalid/");
  const auto from_tls = spawn(download, "https://127.0.0.1/");
  const auto from_python = spawn([&] {
    std::string bodies;
    for (int i = 0; i < 5; ++i) bodies += download(url_ + "/page");
    return bodies;
  });

  EXPECT_EQ(from_python.result(), "hereherehereherehere");
  EXPECT_TRUE(failure_of(from_refused).starts_with("get " + refused + ": connect "));
  EXPECT_TRUE(failure_of(from_refused).ends_with(": Connection refused"));
  EXPECT_TRUE(failure_of(from_nowhere).starts_with("get http://no-such-host.invalid/: resolve "));
  EXPECT_TRUE(failure_of(from_tls).starts_with("get https://127.0.0.1/: "));
  EXPECT_EQ(failure_of(from_stalled), "get " + stalled + ": nothing received for 0.3 s");
}

TEST_F(MonkeyDownload, AKilledDownloadEndsByCancelled) {
  const UniqueFd silent = net::listen_on(net::Address::loopback(0));
  const std::string stalled = "http://" + net::local_address(silent.get()).to_string() + "/";
  auto fiber = spawn([&] { http::get(stalled); });
  this_fiber::sleep_for(20ms);
  EXPECT_FALSE(fiber.done());
  fiber.kill();
  fiber.join();
  EXPECT_TRUE(fiber.cancelled());
}

}  // namespace
}  // namespace simul
