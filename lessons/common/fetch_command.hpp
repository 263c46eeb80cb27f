// The command line of `fetch`, a tool that two lessons build on two clients.
//
//     int main(int argc, char** argv) {
//       return simul::fetch_command(argc, argv, [](const simul::FetchCommand& command,
//                                                  const std::string& url) { ... });
//     }
//
// What the flags mean, what goes to stdout, what an error looks like and which exit status it has
// is the same for both and stands here: bodies on stdout in the order of the URLs and nothing else,
// one line on stderr for a URL that failed, and the others are fetched all the same. How one URL is
// downloaded is the lesson's.
#pragma once

#include <chrono>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/base/callback.hpp"
#include "runtime/base/clock.hpp"
#include "runtime/http/headers.hpp"

namespace simul {

/// What the command line asked for.
struct FetchCommand {
  std::string method = "GET";
  http::Headers headers;
  std::string body;
  bool follow_redirects = false;
  Duration timeout = std::chrono::seconds(30);  ///< for each URL, in all
  std::vector<std::string> urls;
};

/// Calls `fetch(command, url)` for each URL and returns the exit status for main(): 0, 1 if one of
/// the calls threw or the output could not be written, 2 for a wrong command line. The program's
/// name in usage and errors is the file it was started as.
int fetch_command(int argc, char** argv,
                  Callback<void(const FetchCommand&, const std::string& url)> fetch);

/// Writes a piece of a body to stdout, at once. Throws std::system_error.
void write_body(std::string_view bytes);

}  // namespace simul
