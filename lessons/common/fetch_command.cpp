#include "lessons/common/fetch_command.hpp"

#include <charconv>
#include <cstdio>
#include <exception>
#include <utility>

#include "runtime/base/error.hpp"
#include "runtime/http/error.hpp"
#include "runtime/http/form.hpp"

namespace simul {
namespace {

constexpr const char* kUsage =
    "usage: %s [-L] [--head] [--data D] [--header 'Name: value']...\n"
    "       [--timeout S] URL...\n";

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

// Sets `help` if help was asked for; the rest counts for nothing then.
FetchCommand parse(int argc, char** argv, bool& help) {
  FetchCommand command;
  bool head = false;
  bool data = false;
  bool only_urls = false;  // after "--"
  for (int i = 1; i < argc; ++i) {
    const std::string argument = argv[i];
    const auto value = [&]() -> std::string {
      if (++i == argc) throw WrongUsage{argument + " needs a value"};
      return argv[i];
    };
    if (only_urls || !argument.starts_with('-')) {
      command.urls.push_back(argument);
    } else if (argument == "--") {
      only_urls = true;
    } else if (argument == "--help") {
      help = true;
    } else if (argument == "-L") {
      command.follow_redirects = true;
    } else if (argument == "--head") {
      head = true;
    } else if (argument == "--data") {
      data = true;
      command.body = value();
    } else if (argument == "--header") {
      add_header(command.headers, value());
    } else if (argument == "--timeout") {
      command.timeout = parse_seconds(value());
    } else {
      throw WrongUsage{"unknown option: " + argument};
    }
  }
  if (help) return command;
  if (command.urls.empty()) throw WrongUsage{"no URL"};
  if (head && data) throw WrongUsage{"--head and --data exclude each other"};
  if (head) command.method = "HEAD";
  if (data) {
    command.method = "POST";
    if (!command.headers.contains("Content-Type")) {
      command.headers.add("Content-Type", http::kFormType);
    }
  }
  return command;
}

}  // namespace

void write_body(std::string_view bytes) {
  if (std::fwrite(bytes.data(), 1, bytes.size(), stdout) != bytes.size()) {
    throw_errno("write standard output");
  }
}

int fetch_command(int argc, char** argv,
                  Callback<void(const FetchCommand&, const std::string& url)> fetch) {
  const std::string_view path = argc > 0 ? argv[0] : "fetch";
  const std::string program(path.substr(path.rfind('/') + 1));  // npos + 1 is 0
  FetchCommand command;
  try {
    bool help = false;
    command = parse(argc, argv, help);
    if (help) {
      std::printf(kUsage, program.c_str());
      std::printf("%s", kHelp);
      return 0;
    }
  } catch (const WrongUsage& error) {
    std::fprintf(stderr, "%s: %s\n", program.c_str(), error.what.c_str());
    std::fprintf(stderr, kUsage, program.c_str());
    return 2;
  }
  std::setvbuf(stdout, nullptr, _IONBF, 0);  // what has come is passed on at once
  int status = 0;
  for (const std::string& url : command.urls) {
    try {
      fetch(command, url);
    } catch (const std::exception& error) {
      std::fprintf(stderr, "%s: %s\n", program.c_str(), error.what());
      status = 1;
      if (std::ferror(stdout)) break;  // there is nowhere to put the others
    }
  }
  return status;
}

}  // namespace simul
