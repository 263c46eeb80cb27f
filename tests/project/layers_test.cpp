// The layers of runtime/ and the order of the lessons, checked at every #include.
//
// A file of runtime/ includes its own folder and folders above it, never below. A lesson includes
// what it or an earlier lesson opened (lessons/lessons.txt), and of lessons/common only lesson.hpp
// (a tool that two lessons build: its command line, fetch_command.hpp).
// A miniature includes nothing of ours. Every quoted include is written from the root.
#include <gtest/gtest.h>

#include <map>
#include <regex>
#include <set>

#include "tests/project/project.hpp"

namespace simul::testing {
namespace {

/// Top to bottom; an arrow may only point up.
const std::vector<std::string> kLayers = {"base", "generator", "reactor",  "thread", "fiber",
                                          "net",  "http",      "deferred", "sync",   "task",
                                          "web",  "json",      "redis",    "trace"};

/// Named where the platform is chosen, but not written yet.
const std::set<std::string> kComing = {"runtime/reactor/poller_kqueue.hpp"};

int layer_of(const std::string& folder) {
  const auto found = std::find(kLayers.begin(), kLayers.end(), folder);
  return found == kLayers.end() ? -1 : static_cast<int>(found - kLayers.begin());
}

/// Lesson -> the folders of runtime/ that it may include.
std::map<std::string, std::set<std::string>> allowed_folders() {
  std::map<std::string, std::set<std::string>> allowed;
  std::set<std::string> open;
  for (const LessonEntry& lesson : manifest()) {
    open.insert(lesson.opens.begin(), lesson.opens.end());
    allowed[lesson.name] = open;
  }
  return allowed;
}

/// What is wrong with the includes of `file` (a path from the root) whose text is `text`.
std::vector<std::string> complaints(const std::string& file, const std::string& text) {
  static const std::regex kInclude(R"(^[ \t]*#[ \t]*include[ \t]*([<"])([^>"]+)[>"].*)");
  static const auto kAllowed = allowed_folders();
  static const std::set<std::string> kSystemFolders = {"sys",   "netinet",   "arpa",   "net",
                                                       "linux", "sanitizer", "machine"};
  const auto place = split(file, '/');
  std::vector<std::string> found;
  for (const std::string& line : split(text, '\n')) {
    std::smatch match;
    if (!std::regex_match(line, match, kInclude)) continue;
    const std::string target = match[2];
    const auto way = split(target, '/');
    const auto complain = [&](const std::string& why) {
      found.push_back(file + " includes " + match[1].str() + target + ": " + why);
    };
    if (match[1] == "<") {
      if (way.size() > 1 && kSystemFolders.count(way[0]) == 0) complain("not a system header");
      continue;
    }
    if (way.size() < 3 || (way[0] != "runtime" && way[0] != "lessons")) {
      complain("not written from the root, or outside runtime/ and lessons/");
      continue;
    }
    if (!fs::exists(root() / target) && kComing.count(target) == 0)
      complain("there is no such file");

    if (place[0] == "runtime") {
      if (way[0] != "runtime")
        complain("the runtime knows no lesson");
      else if (layer_of(place[1]) == -1)
        complain(place[1] + "/ is no layer");
      else if (layer_of(way[1]) == -1)
        complain(way[1] + "/ is no layer");
      else if (layer_of(way[1]) > layer_of(place[1]))
        complain("a layer below its own");
    } else if (place[1] == "common") {
      if (way[0] == "lessons" && way[1] != "common") complain("common/ knows no single lesson");
    } else if (place.back() == "miniature.cpp") {
      complain("a miniature includes nothing of ours");
    } else if (way[0] == "lessons") {
      const bool tool = place.back() == "fetch.cpp" && target == "lessons/common/fetch_command.hpp";
      if (way[1] != place[1] && target != "lessons/common/lesson.hpp" && !tool)
        complain("of other lessons' files only lessons/common/lesson.hpp");
    } else {
      const auto allowed = kAllowed.find(place[1]);
      if (allowed == kAllowed.end())
        complain(place[1] + " is not in lessons.txt");
      else if (allowed->second.count(way[1]) == 0)
        complain("no lesson so far opened " + way[1] + "/");
    }
  }
  return found;
}

std::size_t complaints_about(const std::string& file, const std::string& include) {
  return complaints(file, "#include " + include + "\n").size();
}

TEST(Layers, NoFileOfTheRuntimeIncludesALayerBelowItsOwn) {
  const auto files = files_below("runtime", {".hpp", ".cpp"});
  EXPECT_FALSE(files.empty());
  for (const std::string& file : files)
    for (const std::string& complaint : complaints(file, read_file(root() / file)))
      ADD_FAILURE() << complaint;
}

TEST(Layers, ALessonIncludesOnlyWhatItOrAnEarlierLessonOpened) {
  for (const std::string& file : files_below("lessons", {".hpp", ".cpp"}))
    for (const std::string& complaint : complaints(file, read_file(root() / file)))
      ADD_FAILURE() << complaint;
}

TEST(Layers, TheManifestOpensOnlyFoldersThatAreLayers) {
  for (const LessonEntry& lesson : manifest())
    for (const std::string& folder : lesson.opens)
      EXPECT_NE(layer_of(folder), -1) << lesson.name << " opens " << folder;
}

TEST(Layers, TheCheckSeesEveryKindOfWrongArrow) {
  EXPECT_EQ(complaints_about("runtime/reactor/x.hpp", "\"runtime/base/clock.hpp\""), 0u);
  EXPECT_EQ(complaints_about("runtime/base/x.hpp", "\"runtime/base/clock.hpp\""), 0u);
  EXPECT_EQ(complaints_about("runtime/base/x.hpp", "\"runtime/generator/generator.hpp\""), 1u);
  EXPECT_EQ(complaints_about("runtime/nowhere/x.hpp", "\"runtime/base/clock.hpp\""), 1u);
  EXPECT_EQ(complaints_about("runtime/reactor/x.hpp", "\"clock.hpp\""), 1u);
  EXPECT_EQ(complaints_about("runtime/reactor/x.hpp", "\"../base/clock.hpp\""), 1u);
  EXPECT_EQ(complaints_about("runtime/reactor/x.hpp", "\"runtime/base/missing.hpp\""), 1u);
  EXPECT_EQ(complaints_about("runtime/base/x.hpp", "<boost/asio.hpp>"), 1u);
  EXPECT_EQ(complaints_about("runtime/base/x.hpp", "<sys/socket.h>"), 0u);
  EXPECT_EQ(complaints_about("runtime/base/x.hpp", "\"lessons/common/lesson.hpp\""), 1u);
  EXPECT_EQ(complaints_about("lessons/01-synchronous/main.cpp", "\"runtime/base/clock.hpp\""), 1u);
  EXPECT_EQ(complaints_about("lessons/03-blocking-calls/main.cpp", "\"runtime/base/clock.hpp\""),
            0u);
  EXPECT_EQ(complaints_about("lessons/03-blocking-calls/main.cpp", "\"lessons/common/lesson.hpp\""),
            0u);
  EXPECT_EQ(complaints_about("lessons/03-blocking-calls/main.cpp", "\"lessons/common/say.hpp\""),
            1u);
  const std::string command = "\"lessons/common/fetch_command.hpp\"";
  EXPECT_EQ(complaints_about("lessons/05-blocking-http/fetch.cpp", command), 0u);
  EXPECT_EQ(complaints_about("lessons/05-blocking-http/main.cpp", command), 1u);
  EXPECT_EQ(
      complaints_about("lessons/02-generators/miniature.cpp", "\"lessons/common/lesson.hpp\""), 1u);
  EXPECT_EQ(complaints_about("lessons/77-unknown/main.cpp", "\"runtime/base/clock.hpp\""), 1u);
}

}  // namespace
}  // namespace simul::testing
