// What strict parsing costs: responses and requests from one buffer, in MB/s of it.
//
// The floor walks over the same bytes with memchr from line feed to line feed, which any parser has
// to do, and steps over the body by a length that it is told. A whole exchange is measured, too:
// without a socket, everything that a keep-alive client computes for one small GET.
#include <cstring>
#include <string>
#include <string_view>

#include "runtime/http/exchange.hpp"
#include "runtime/http/message_parser.hpp"
#include "tests/bench/bench.hpp"

namespace simul::bench {
namespace {

const std::string kSmallBody(200, 'x');
const std::string kResponseHead =
    "HTTP/1.1 200 OK\r\n"
    "Server: nginx/1.22.1\r\n"
    "Date: Sat, 01 Aug 2026 12:00:00 GMT\r\n"
    "Content-Type: text/html; charset=utf-8\r\n"
    "Content-Length: 200\r\n"
    "Last-Modified: Fri, 31 Jul 2026 09:12:31 GMT\r\n"
    "Connection: keep-alive\r\n"
    "ETag: \"64c8a1bf-c8\"\r\n"
    "Cache-Control: max-age=3600\r\n"
    "Accept-Ranges: bytes\r\n\r\n";
const std::string kRequest =
    "GET /static/images/logo.png?version=12 HTTP/1.1\r\n"
    "Host: www.example.com\r\n"
    "User-Agent: Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0\r\n"
    "Accept: image/avif,image/webp,image/png,image/svg+xml,image/*;q=0.8,*/*;q=0.5\r\n"
    "Accept-Language: en-US,en;q=0.5\r\n"
    "Accept-Encoding: gzip, deflate, br, zstd\r\n"
    "Connection: keep-alive\r\n"
    "Referer: http://www.example.com/index.html\r\n"
    "Cookie: session=0123456789abcdef0123456789abcdef; theme=dark\r\n\r\n";

std::string chunked_response() {
  std::string text = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
  for (int i = 0; i < 64; ++i) http::write_chunk(text, std::string(1024, 'x'));
  http::write_last_chunk(text);
  return text;
}

/// The floor: finds each line of the head, then steps over `body` bytes.
std::size_t scan(std::string_view text, std::size_t body) {
  std::size_t lines = 0;
  const char* at = text.data();
  const char* const end = at + text.size() - body;
  while (at < end) {
    at = static_cast<const char*>(std::memchr(at, '\n', static_cast<std::size_t>(end - at))) + 1;
    ++lines;
  }
  return lines;
}

/// The floor of a chunked body: from size line to size line, the size known beforehand.
std::size_t scan_chunks(std::string_view text) {
  std::size_t lines = 0;
  for (std::size_t at = 0; at < text.size(); ++lines) {
    at = text.find('\n', at) + 1;
    if (lines >= 3 && lines < 3 + 64) at += 1024 + 2;
  }
  return lines;
}

template <class Parser>
void parse(Parser& parser, std::string_view bytes) {
  std::size_t body = 0;
  for (http::Event event; (event = parser.next(bytes)) != http::Event::end;) {
    if (event == http::Event::body) body += parser.piece().size();
  }
  keep(body);
  parser.reset();
}

/// Megabytes per second of `once()`, which works through `bytes` bytes.
template <class Once>
double rate(std::size_t bytes, Once once) {
  const std::size_t rounds = 40'000'000 / bytes + 1;
  const double start = seconds_now();
  for (std::size_t i = 0; i < rounds; ++i) once();
  return static_cast<double>(rounds * bytes) / (seconds_now() - start) / 1e6;
}

void whole_exchange(std::string_view response) {
  static const http::Url url = http::Url::parse("http://127.0.0.1:8000/index.html");
  http::Request request;
  request.url = url;
  http::Exchange exchange(std::move(request));
  exchange.connected(true);
  exchange.sent(exchange.to_send().size());
  exchange.feed(response);
  keep(exchange.take_response());
}

}  // namespace
}  // namespace simul::bench

int main(int argc, char** argv) {
  using namespace simul;         // NOLINT(google-build-using-namespace): a program of one file
  using namespace simul::bench;  // NOLINT(google-build-using-namespace)
  return run(argc, argv, [](Bench& bench) {
    const std::string small = kResponseHead + kSmallBody;
    const std::string chunked = chunked_response();
    http::ResponseParser responses;
    http::RequestParser requests;
    bench.compare(
        "http.parse_response", "MB/s",
        [&] { return rate(small.size(), [&] { parse(responses, small); }); },
        [&] { return rate(small.size(), [&] { keep(scan(small, kSmallBody.size())); }); });
    bench.compare(
        "http.parse_request", "MB/s",
        [&] { return rate(kRequest.size(), [&] { parse(requests, kRequest); }); },
        [&] { return rate(kRequest.size(), [&] { keep(scan(kRequest, 0)); }); });
    bench.compare(
        "http.parse_chunked", "MB/s",
        [&] { return rate(chunked.size(), [&] { parse(responses, chunked); }); },
        [&] { return rate(chunked.size(), [&] { keep(scan_chunks(chunked)); }); });
    bench.time("http.exchange", [&](std::size_t n) {
      for (std::size_t i = 0; i < n; ++i) whole_exchange(small);
    });
  });
}
