// Any bytes as what a client says to a server, which answers all that it can read. The first byte
// chooses the limits and how the answers are made. What holds: however the stream is cut, the
// server says the same; what it says can be read back as exactly as many answers as there were
// requests; and after an answer that says "close" it takes nothing more.
#include <algorithm>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/http/server_connection.hpp"
#include "tests/fuzz/http_fuzz.hpp"

using namespace simul;  // NOLINT(google-build-using-namespace): a program of one file

namespace {

struct Said {
  std::string bytes;
  std::vector<std::string> methods;  // of the requests that were answered
  bool refused = false;
};

// As a driver would: every request is answered by what came of it.
Said serve(std::string_view text, std::size_t first_size, std::size_t piece_size, unsigned choice) {
  http::ServerConnection server(choice & 8 ? fuzz::small_limits() : http::Limits::for_server());
  Said said;
  std::string body;
  bool open = true;
  auto answer = [&] {
    http::Response response;
    response.body = body;
    if (choice & 1) {
      server.begin(said.bytes, response);
      const auto framed = server.frame(body);
      said.bytes.append(framed.before).append(framed.piece).append(framed.after);
      server.finish(said.bytes);
    } else {
      said.bytes.append(server.answer(said.bytes, response));
    }
    said.methods.push_back(server.request().method);
    fuzz::must(server.finished());
    open = server.keeps_open();
    body.clear();
  };
  auto feed = [&](std::string_view bytes) {
    while (open) {
      switch (server.next(bytes)) {
        case http::Event::need_input:
          fuzz::must(bytes.empty());
          return;
        case http::Event::head:
          fuzz::check_head(server.request().target, server.request().headers);
          if (server.wants_invitation() && (choice & 2)) server.invite(said.bytes);
          break;
        case http::Event::body:
          body += server.piece();
          break;
        case http::Event::end:
          fuzz::must(server.whole());
          answer();
          server.next_request();
          break;
      }
    }
  };
  try {
    for (std::size_t at = 0, size = first_size; open && at < text.size();
         at += size, size = piece_size) {
      size = std::min(size, text.size() - at);
      const auto copy = std::make_unique<char[]>(size);
      std::copy_n(text.data() + at, size, copy.get());
      feed({copy.get(), size});
    }
  } catch (const http::ProtocolError&) {
    said.refused = true;
  } catch (const http::TooLarge&) {
    said.refused = true;
  }
  return said;
}

// A client that knows what it asked reads as many answers as there were.
void check_answers(const Said& said) {
  std::string_view bytes = said.bytes;
  for (const std::string& method : said.methods) {
    // To CONNECT, 200 would mean a tunnel: who answers that must not use it.
    if (method == "CONNECT") return;
    http::ResponseParser parser(method);
    http::Event event;
    while ((event = parser.next(bytes)) != http::Event::end && event != http::Event::need_input) {
    }
    if (event == http::Event::need_input) parser.end_of_stream();  // HTTP/1.0: up to the end
    fuzz::must(parser.done());
  }
  fuzz::must(bytes.empty() || bytes.starts_with("HTTP/1.1 100 "));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const unsigned choice = data[0];
  const std::string_view text(reinterpret_cast<const char*>(data) + 1, size - 1);
  fuzz::check_splits(text, [&](std::string_view bytes, std::size_t first, std::size_t piece) {
    const Said said = serve(bytes, first, piece, choice);
    check_answers(said);
    return said.bytes + (said.refused ? "(refused)" : "");
  });
  return 0;
}
