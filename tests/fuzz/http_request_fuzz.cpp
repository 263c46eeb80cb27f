// Any bytes as a stream of requests. The first byte chooses the limits.
// What holds: the same is found however the stream is cut, and no head holds a control byte.
#include "tests/fuzz/http_fuzz.hpp"

using namespace simul;  // NOLINT(google-build-using-namespace): a program of one file

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const http::Limits limits = data[0] & 8 ? fuzz::small_limits() : http::Limits::for_server();
  const std::string_view text(reinterpret_cast<const char*>(data) + 1, size - 1);
  fuzz::check_splits(text, [&](std::string_view bytes, std::size_t first, std::size_t piece) {
    http::RequestParser parser(limits);
    auto describe = [&] {
      const http::IncomingRequest& request = parser.request();
      fuzz::check_head(request.target, request.headers);
      fuzz::must(http::is_token(request.method) && !request.target.empty());
      fuzz::must(request.headers.get_all("Host").size() <= 1);
      std::string head = request.method + request.target;
      for (const auto [name, value] : request.headers) head.append(name).append(value).append(";");
      return head + (parser.keep_alive() ? "keep" : "close");
    };
    return fuzz::transcript(parser, bytes, first, piece, describe, [&] { parser.reset(); });
  });
  return 0;
}
