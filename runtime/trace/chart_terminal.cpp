// What a terminal can show: asked of the kernel and of the environment, see chart.hpp.
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <cctype>
#include <charconv>
#include <cstdlib>
#include <string>
#include <string_view>

#include "runtime/trace/chart.hpp"

namespace simul::trace {
namespace {

constexpr std::size_t kUsual = 80;
constexpr std::size_t kWidest = 1000;  // what is said to be wider is a mistake

std::string_view environment(const char* name) {
  const char* const value = std::getenv(name);
  return value != nullptr ? value : "";
}

std::size_t width_of(int descriptor) {
  winsize size{};
  if (::ioctl(descriptor, TIOCGWINSZ, &size) == 0 && size.ws_col > 0) return size.ws_col;
  const std::string_view columns = environment("COLUMNS");
  std::size_t width = 0;
  const auto [end, error] = std::from_chars(columns.data(), columns.data() + columns.size(), width);
  const bool number = error == std::errc{} && end == columns.data() + columns.size();
  return number && width > 0 ? width : kUsual;
}

bool speaks_utf8() {
  for (const char* name : {"LC_ALL", "LC_CTYPE", "LANG"}) {
    std::string locale(environment(name));
    if (locale.empty()) continue;
    std::ranges::transform(locale, locale.begin(),
                           [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
    return locale.find("utf-8") != locale.npos || locale.find("utf8") != locale.npos;
  }
  return false;
}

}  // namespace

ChartOptions chart_options_for(int descriptor) {
  const bool terminal = ::isatty(descriptor) == 1 && environment("TERM") != "dumb";
  return {.width = std::min(width_of(descriptor), kWidest),
          .colour = terminal && environment("NO_COLOR").empty(),
          .utf8 = speaks_utf8()};
}

}  // namespace simul::trace
