// Downloads URLs from the command line: the blocking client as a tool that scripts can use.
//
// The bodies go to stdout in the order of the URLs and nothing else does; an error is one line on
// stderr, and the other URLs are fetched all the same. All of them share one client, so several
// URLs of one server share a connection.
#include <charconv>
#include <cstdio>
#include <exception>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "runtime/base/error.hpp"
#include "runtime/http/blocking_client.hpp"

namespace simul {
namespace {

constexpr const char* kUsage =
    "usage: 05-blocking-http.fetch [-L] [--head] [--data D] [--header 'Name: value']...\n"
    "                              [--timeout S] URL...\n";

constexpr const char* kHelp =
    "\n"
    "Downloads each URL and writes the bodies to standard output, in this order.\n"
    "\n"
    "  -L                      follow redirects\n"
    "  --head                  ask for the head only (HEAD); there is no body then\n"
    "  --data D                send D (POST, application/x-www-form-urlencoded)\n"
    "  --header 'Name: value'  send this header field; may be repeated\n"
    "  --timeout S             give up on a URL after S seconds in all (default 30)\n"
    "  --help                  this text\n"
    "\n"
    "Exit status: 0 if every response came whole, whatever its status; 1 if one did not; 2 for a\n"
    "wrong command line.\n";

struct WrongUsage {
  std::string what;
};

struct CommandLine {
  bool help = false;
  bool follow = false;
  bool head = false;
  std::optional<std::string> data;
  http::Headers headers;
  Duration timeout = std::chrono::seconds(30);
  std::vector<std::string> urls;
};

Duration parse_seconds(std::string_view text) {
  double seconds = 0;
  const char* end = text.data() + text.size();
  const auto result = std::from_chars(text.data(), end, seconds);
  if (result.ec != std::errc() || result.ptr != end || !(seconds > 0)) {
    throw WrongUsage{"--timeout: \"" + std::string(text) + "\" is no positive number of seconds"};
  }
  return from_seconds(seconds);
}

void add_header(http::Headers& headers, std::string_view text) {
  const std::size_t colon = text.find(':');
  if (colon == std::string_view::npos) {
    throw WrongUsage{"--header: \"" + std::string(text) + "\" has no colon"};
  }
  try {
    headers.add(text.substr(0, colon), text.substr(colon + 1));
  } catch (const http::InvalidMessage& error) {
    throw WrongUsage{std::string("--header: ") + error.what()};
  }
}

CommandLine parse(int argc, char** argv) {
  CommandLine line;
  bool only_urls = false;  // after "--"
  for (int i = 1; i < argc; ++i) {
    const std::string argument = argv[i];
    const auto value = [&]() -> std::string {
      if (++i == argc) throw WrongUsage{argument + " needs a value"};
      return argv[i];
    };
    if (only_urls || !argument.starts_with('-'))
      line.urls.push_back(argument);
    else if (argument == "--")
      only_urls = true;
    else if (argument == "--help")
      line.help = true;
    else if (argument == "-L")
      line.follow = true;
    else if (argument == "--head")
      line.head = true;
    else if (argument == "--data")
      line.data = value();
    else if (argument == "--header")
      add_header(line.headers, value());
    else if (argument == "--timeout")
      line.timeout = parse_seconds(value());
    else
      throw WrongUsage{"unknown option: " + argument};
  }
  if (line.help) return line;
  if (line.urls.empty()) throw WrongUsage{"no URL"};
  if (line.head && line.data) throw WrongUsage{"--head and --data exclude each other"};
  return line;
}

void write_out(std::string_view bytes) {
  if (std::fwrite(bytes.data(), 1, bytes.size(), stdout) != bytes.size()) {
    throw_errno("write standard output");
  }
}

void fetch(http::Client& client, const CommandLine& line, const std::string& url) {
  http::Request request;
  request.method = line.head ? "HEAD" : line.data ? "POST" : "GET";
  request.url = http::Url::parse(url);
  request.headers = line.headers;
  if (line.data) {
    request.body = *line.data;
    if (!request.headers.contains("Content-Type")) {
      request.headers.add("Content-Type", "application/x-www-form-urlencoded");
    }
  }
  http::RequestOptions options;
  options.timeouts.total = line.timeout;
  options.timeouts.read = line.timeout;  // silence is fine as long as the caller has patience
  options.exchange.follow_redirects = line.follow;
  options.exchange.on_body = write_out;
  client.request(std::move(request), std::move(options));
}

int run(const CommandLine& line) {
  std::setvbuf(stdout, nullptr, _IONBF, 0);  // what has come is passed on at once
  int status = 0;
  http::Client client;
  for (const std::string& url : line.urls) {
    try {
      fetch(client, line, url);
    } catch (const std::exception& error) {
      std::fprintf(stderr, "05-blocking-http.fetch: %s\n", error.what());
      status = 1;
      if (std::ferror(stdout)) break;  // there is nowhere to put the others
    }
  }
  return status;
}

}  // namespace
}  // namespace simul

int main(int argc, char** argv) {
  try {
    const simul::CommandLine line = simul::parse(argc, argv);
    if (!line.help) return simul::run(line);
    std::printf("%s%s", simul::kUsage, simul::kHelp);
    return 0;
  } catch (const simul::WrongUsage& error) {
    std::fprintf(stderr, "05-blocking-http.fetch: %s\n%s", error.what.c_str(), simul::kUsage);
    return 2;
  }
}
