// Is it JSON, and what does it say? A tool that scripts can use.
//
//     $ echo '{"score": 5e1, "title": "\u00dcber"} ' | build/lessons/14-top-stories.json -
//     {"score":50.0,"title":"Über"}
//     $ echo '[1, 2,]' | build/lessons/14-top-stories.json --check -
//     14-top-stories.json: -: line 1, column 7: expected a value, found ']'
//
// The document goes to stdout again in canonical form: on one line, without spaces, its keys in the
// order in which they were, its numbers as short as they can be. Two documents that say the same in
// the same order look the same then, so diff(1) can compare them.
#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <exception>
#include <string>
#include <string_view>

#include "runtime/base/error.hpp"
#include "runtime/base/unique_fd.hpp"
#include "runtime/json/json.hpp"

namespace {

namespace json = simul::json;

constexpr const char* kUsage = "usage: 14-top-stories.json [--check] FILE\n";

constexpr const char* kHelp =
    "\n"
    "Prints the JSON document in FILE (\"-\": standard input) again in canonical form.\n"
    "\n"
    "  --check  print nothing: the exit status says it\n"
    "  --help   this text\n"
    "\n"
    "At most 256 MiB, and 1000 arrays or objects inside each other.\n"
    "Exit status: 0; 1 if it is not JSON (line and column on stderr) or cannot be read; 2 for a\n"
    "wrong command line.\n";

// One byte more than the parser takes is enough for it to complain: the file may have no end.
std::string read_all(const std::string& file, std::size_t limit) {
  simul::UniqueFd opened;
  if (file != "-") {
    opened = simul::UniqueFd(::open(file.c_str(), O_RDONLY | O_CLOEXEC));
    if (!opened) simul::throw_errno("open " + file);
  }
  const int descriptor = file == "-" ? STDIN_FILENO : opened.get();
  std::string text;
  for (std::size_t size = 0;;) {
    text.resize(std::max<std::size_t>(1 << 16, std::min(2 * size, limit + 1)));
    const ssize_t got = ::read(descriptor, text.data() + size, text.size() - size);
    if (got == -1 && errno == EINTR) continue;
    if (got == -1) simul::throw_errno("read " + file);
    size += static_cast<std::size_t>(got);
    if (got == 0 || size > limit) {
      text.resize(size);
      return text;
    }
  }
}

int fail(const std::string& why) {
  std::fprintf(stderr, "14-top-stories.json: %s\n", why.c_str());
  return 1;
}

int print(const std::string& text) {
  const bool written = std::fwrite(text.data(), 1, text.size(), stdout) == text.size();
  return written && std::fflush(stdout) == 0 ? 0 : fail("standard output cannot be written");
}

}  // namespace

int main(int argc, char** argv) {
  bool check = false;
  bool only_files = false;  // after "--"
  std::string file;
  int files = 0;
  for (int i = 1; i < argc; ++i) {
    const std::string_view argument = argv[i];
    if (only_files || argument == "-" || !argument.starts_with('-')) {
      file = argument;
      ++files;
    } else if (argument == "--") {
      only_files = true;
    } else if (argument == "--check") {
      check = true;
    } else if (argument == "--help") {
      return print(std::string(kUsage) + kHelp);
    } else {
      files = -argc;  // an unknown option
    }
  }
  if (files != 1) {
    std::fputs(kUsage, stderr);
    return 2;
  }
  try {
    const json::ParseLimits limits;
    const std::string text = read_all(file, limits.document);
    try {
      const json::Value value = json::parse(text, limits);
      return check ? 0 : print(json::write(value) + "\n");
    } catch (const std::exception& error) {
      return fail(file + ": " + error.what());
    }
  } catch (const std::exception& error) {
    return fail(error.what());
  }
}
