// The streams that the bench of inflate and its peer expand, and how they are measured.
#pragma once

#include <cstring>
#include <filesystem>
#include <fstream>
#include <random>
#include <sstream>
#include <string>
#include <string_view>

#include "tests/bench/bench.hpp"
#include "tests/support/child.hpp"

namespace simul::bench {

inline std::string file(const std::filesystem::path& path) {
  std::ostringstream text;
  text << std::ifstream(path, std::ios::binary).rdbuf();
  return text.str();
}

/// All sources of runtime/ and lessons/ one behind the other; empty outside of the project.
inline std::string sources() {
  std::vector<std::filesystem::path> paths;
  for (const char* folder : {"runtime", "lessons"}) {
    if (!std::filesystem::exists(folder)) continue;
    for (const auto& entry : std::filesystem::recursive_directory_iterator(folder)) {
      if (entry.is_regular_file()) paths.push_back(entry.path());
    }
  }
  std::sort(paths.begin(), paths.end());
  std::string text;
  for (const auto& path : paths) text += file(path);
  return text;
}

/// Megabytes per second of `once()`, which puts out `bytes` bytes.
template <class Once>
double rate(std::size_t bytes, Once once) {
  const std::size_t rounds = 40'000'000 / bytes + 1;
  const double start = seconds_now();
  for (std::size_t i = 0; i < rounds; ++i) once();
  return static_cast<double>(rounds * bytes) / (seconds_now() - start) / 1e6;
}

inline void copy_all(const std::string& from, std::string& to) {
  std::memcpy(to.data(), from.data(), from.size());
  keep(to);
}

/// Measures `expand(stream)` for each kind of content, as "<prefix>text" and so on.
template <class Expand>
void expand_all(Bench& bench, const std::string& prefix, Expand expand) {
  std::mt19937 random(1);
  std::string noise(1 << 20, '\0');
  for (char& byte : noise) byte = static_cast<char>(random());
  const struct {
    const char* name;
    std::string content;
  } contents[] = {{"text", sources()},
                  {"small_text", sources().substr(0, 10'000)},
                  {"binary", file("/proc/self/exe")},
                  {"stored", noise},
                  {"run", std::string(1 << 20, 'x')}};
  for (const auto& [name, content] : contents) {
    if (content.empty() || !bench.wants(prefix + name)) continue;
    const auto gzip = testing::run_program({"gzip", "-c", "-n"}, {.input = content});
    if (gzip.status != 0) throw std::runtime_error("gzip: " + gzip.err);
    std::string copy = content;
    bench.compare(
        prefix + name, "MB/s", [&] { return rate(content.size(), [&] { expand(gzip.out); }); },
        [&] { return rate(content.size(), [&] { copy_all(content, copy); }); });
  }
}

}  // namespace simul::bench
