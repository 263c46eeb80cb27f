// A peer of http_client_bench: libcurl's multi interface, the same GETs to an nginx of its own.
//
// needs: curl/curl.h
// links: -lcurl
//
// Each handle is added again when its answer is whole, so connections are kept; curl_multi_poll
// waits for all of them. Where there is no nginx it measures nothing.
#include <curl/curl.h>

#include <stdexcept>
#include <string>
#include <vector>

#include "tests/bench/bench.hpp"
#include "tests/bench/http_client.hpp"
#include "tests/support/nginx.hpp"

namespace simul::bench {
namespace {

std::size_t append(char* bytes, std::size_t size, std::size_t count, void* body) {
  static_cast<std::string*>(body)->append(bytes, size * count);
  return size * count;
}

Round get_all(CURLM* multi, const std::string& url, std::size_t at_once) {
  std::vector<std::string> bodies(at_once);
  std::vector<CURL*> handles;
  for (std::string& body : bodies) {
    CURL* handle = curl_easy_init();
    curl_easy_setopt(handle, CURLOPT_URL, url.c_str());
    curl_easy_setopt(handle, CURLOPT_WRITEFUNCTION, append);
    curl_easy_setopt(handle, CURLOPT_WRITEDATA, &body);
    curl_easy_setopt(handle, CURLOPT_PRIVATE, &body);
    handles.push_back(handle);
  }
  const Round round = measure_requests([&] {
    std::size_t sent = 0;
    std::size_t done = 0;
    for (CURL* handle : handles) {
      curl_multi_add_handle(multi, handle);
      ++sent;
    }
    while (done < kRequests) {
      int running = 0;
      curl_multi_perform(multi, &running);
      int left = 0;
      while (const CURLMsg* message = curl_multi_info_read(multi, &left)) {
        CURL* handle = message->easy_handle;
        std::string* body = nullptr;
        curl_easy_getinfo(handle, CURLINFO_PRIVATE, &body);
        if (message->data.result != CURLE_OK || *body != "hello") {
          throw std::runtime_error("not what was expected");
        }
        body->clear();
        curl_multi_remove_handle(multi, handle);
        ++done;
        if (sent == kRequests) continue;
        curl_multi_add_handle(multi, handle);
        ++sent;
      }
      if (running != 0) curl_multi_poll(multi, nullptr, 0, 1000, nullptr);
    }
  });
  for (CURL* handle : handles) curl_easy_cleanup(handle);
  return round;
}

}  // namespace
}  // namespace simul::bench

int main(int argc, char** argv) {
  using namespace simul;
  return bench::run(argc, argv, [](bench::Bench& bench) {
    if (!bench.wants("http.get.1.libcurl") && !bench.wants("http.get.64.libcurl")) return;
    const testing::Nginx nginx("location = /x { return 200 hello; }");
    if (nginx.url().empty()) return;
    for (const std::size_t at_once : {std::size_t{1}, std::size_t{64}}) {
      const std::string name = "http.get." + std::to_string(at_once) + ".libcurl";
      if (!bench.wants(name)) continue;
      CURLM* multi = curl_multi_init();
      curl_multi_setopt(multi, CURLMOPT_MAXCONNECTS, 64L);
      std::vector<double> rates, times;
      for (int round = -1; round < bench.rounds(); ++round) {
        const bench::Round measured = bench::get_all(multi, nginx.url() + "/x", at_once);
        if (round < 0) continue;  // the first one warms up
        rates.push_back(measured.rate);
        times.push_back(measured.microseconds);
      }
      curl_multi_cleanup(multi);
      bench.report(name, bench::median(rates), "1/s");
      bench.report(name + ".cpu", bench::median(times), "us");
    }
  });
}
