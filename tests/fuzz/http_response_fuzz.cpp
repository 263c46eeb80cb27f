// Any bytes as a stream of responses. The first byte chooses the request's method and the limits.
// What holds: the same is found however the stream is cut, and no head holds a control byte.
#include "tests/fuzz/http_fuzz.hpp"

using namespace simul;  // NOLINT(google-build-using-namespace): a program of one file

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const char* const method = data[0] % 8 == 1 ? "HEAD" : data[0] % 8 == 2 ? "CONNECT" : "GET";
  const http::Limits limits = data[0] & 8 ? fuzz::small_limits() : http::Limits();
  const std::string_view text(reinterpret_cast<const char*>(data) + 1, size - 1);
  fuzz::check_splits(text, [&](std::string_view bytes, std::size_t first, std::size_t piece) {
    http::ResponseParser parser(method, limits);
    auto describe = [&] {
      const http::Response& response = parser.response();
      fuzz::check_head(response.reason, response.headers);
      fuzz::must(response.status == 101 || (response.status >= 200 && response.status <= 999));
      std::string head = std::to_string(response.status) + response.reason;
      for (const auto [name, value] : response.headers) head.append(name).append(value).append(";");
      return head + (parser.keep_alive() ? "keep" : "close");
    };
    return fuzz::transcript(parser, bytes, first, piece, describe, [&] { parser.reset(method); });
  });
  return 0;
}
