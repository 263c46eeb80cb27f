// What the tests of the project itself share: where the sources and the programs are, the manifest.
#pragma once

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <sstream>
#include <stdexcept>
#include <string>
#include <vector>

namespace simul::testing {

namespace fs = std::filesystem;

/// The root of the sources: the nearest folder from here upwards that holds the manifest.
inline fs::path root() {
  for (fs::path folder = fs::current_path();; folder = folder.parent_path()) {
    if (fs::exists(folder / "lessons/lessons.txt")) return folder;
    if (folder == folder.parent_path())
      throw std::runtime_error("run this from inside the sources");
  }
}

/// Where this flavour's programs are; `make test` says it in SIMUL_BUILD.
inline fs::path build() {
  const char* folder = std::getenv("SIMUL_BUILD");
  return folder != nullptr ? fs::path(folder) : root() / "build";
}

inline std::string read_file(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) throw std::runtime_error("cannot read " + path.string());
  return std::string(std::istreambuf_iterator<char>(file), {});
}

inline std::vector<std::string> split(const std::string& text, char separator) {
  std::vector<std::string> parts;
  std::istringstream stream(text);
  for (std::string part; std::getline(stream, part, separator);) parts.push_back(part);
  return parts;
}

/// Every file below `folder` of the root that ends in one of `endings`, relative to the root,
/// sorted.
inline std::vector<std::string> files_below(const std::string& folder,
                                            const std::vector<std::string>& endings) {
  std::vector<std::string> files;
  for (const auto& entry : fs::recursive_directory_iterator(root() / folder)) {
    const std::string ending = entry.path().extension().string();
    if (entry.is_regular_file() &&
        std::find(endings.begin(), endings.end(), ending) != endings.end())
      files.push_back(fs::relative(entry.path(), root()).generic_string());
  }
  std::sort(files.begin(), files.end());
  return files;
}

/// One line of lessons/lessons.txt.
struct LessonEntry {
  std::string order, name, title, minutes, points;
  std::vector<std::string> opens, arguments;
};

inline std::vector<LessonEntry> manifest() {
  std::vector<LessonEntry> lessons;
  for (const std::string& line : split(read_file(root() / "lessons/lessons.txt"), '\n')) {
    if (line.empty() || line[0] == '#') continue;
    auto columns = split(line + "|", '|');
    if (columns.size() != 7) throw std::runtime_error("lessons.txt: not seven columns: " + line);
    lessons.push_back({columns[0], columns[1], columns[2], columns[3], columns[4],
                       split(columns[5], ' '), split(columns[6], ' ')});
  }
  return lessons;
}

}  // namespace simul::testing
