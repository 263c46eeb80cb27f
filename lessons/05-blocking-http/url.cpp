// Takes a URL apart, the way the client does before it connects: a tool that scripts can use.
//
//     $ build/lessons/05-blocking-http.url 'http://User@Example.COM/a/b?c=d#e'
//     {"scheme":"http","host":"example.com","port":80,"path":"/a/b","query":"c=d"}
//
// One JSON object on stdout. What a server never sees (user and password, fragment) is left out.
#include <cstdio>
#include <string>
#include <string_view>

#include "runtime/http/error.hpp"
#include "runtime/http/url.hpp"

namespace {

constexpr const char* kUsage = "usage: 05-blocking-http.url URL\n";

constexpr const char* kHelp =
    "\n"
    "Prints the parts of an absolute http or https URL as one JSON object: scheme, host (lower "
    "case,\n"
    "an IPv6 address without its brackets), port (the scheme's default filled in), path (at least\n"
    "\"/\") and query (\"\" when there is none).\n"
    "\n"
    "  --help  this text\n"
    "\n"
    "Exit status: 0; 1 if it is no such URL, with the reason on stderr; 2 for a wrong command "
    "line.\n";

// A URL holds no byte that JSON would want escaped, so this is a belt beside the braces.
std::string json_string(std::string_view text) {
  std::string out = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') {
      out.append("\\").push_back(c);
    } else if (static_cast<unsigned char>(c) < 0x20) {
      char escape[8];
      std::snprintf(escape, sizeof escape, "\\u%04x", static_cast<unsigned>(c));
      out += escape;
    } else {
      out += c;
    }
  }
  return out + "\"";
}

std::string as_json(const simul::http::Url& url) {
  return "{\"scheme\":" + json_string(url.scheme) + ",\"host\":" + json_string(url.host) +
         ",\"port\":" + std::to_string(url.port) +
         ",\"path\":" + json_string(url.path.empty() ? "/" : url.path) +
         ",\"query\":" + json_string(url.query.value_or("")) + "}\n";
}

int fail(const char* why) {
  std::fprintf(stderr, "05-blocking-http.url: %s\n", why);
  return 1;
}

bool print(const std::string& text) {
  return std::fputs(text.c_str(), stdout) >= 0 && std::fflush(stdout) == 0;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc == 2 && std::string_view(argv[1]) == "--help") {
    return print(std::string(kUsage) + kHelp) ? 0 : fail("standard output cannot be written");
  }
  const bool dashes = argc == 3 && std::string_view(argv[1]) == "--";
  if (!dashes && (argc != 2 || argv[1][0] == '-')) {
    std::fputs(kUsage, stderr);
    return 2;
  }
  try {
    const auto url = simul::http::Url::parse(argv[argc - 1]);
    return print(as_json(url)) ? 0 : fail("standard output cannot be written");
  } catch (const simul::http::InvalidUrl& error) {
    return fail(error.what());
  }
}
