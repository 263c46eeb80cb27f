// The lessons as programs: the manifest is complete, and every program answers the way the others
// do.
#include <gtest/gtest.h>

#include "tests/project/project.hpp"
#include "tests/support/child.hpp"

namespace simul::testing {
namespace {

/// Every lesson program but the miniatures: name (05-blocking-http.url) and binary.
std::vector<std::string> programs() {
  std::vector<std::string> names;
  for (const std::string& file : files_below("lessons", {".cpp"})) {
    const auto way = split(file, '/');
    if (way.size() != 3 || way[1] == "common" || way[2] == "miniature.cpp") continue;
    const std::string stem = way[2].substr(0, way[2].size() - 4);
    names.push_back(stem == "main" ? way[1] : way[1] + "." + stem);
  }
  return names;
}

std::string binary(const std::string& name) {
  return (build() / "lessons" / name).string();
}

TEST(Lessons, TheManifestNamesEveryLessonOnceAndInOrder) {
  std::vector<std::string> named;
  for (const LessonEntry& lesson : manifest()) {
    named.push_back(lesson.name);
    EXPECT_EQ(lesson.name.substr(0, 3), lesson.order + "-");
    EXPECT_FALSE(lesson.title.empty()) << lesson.name;
    EXPECT_GT(std::stoi(lesson.minutes), 0) << lesson.name;
    EXPECT_GE(std::stoi(lesson.points), 0) << lesson.name;
  }
  std::vector<std::string> there;
  for (const auto& entry : fs::directory_iterator(root() / "lessons"))
    if (entry.is_directory() && entry.path().filename() != "common")
      there.push_back(entry.path().filename().string());
  std::sort(there.begin(), there.end());
  EXPECT_EQ(named, there);
}

TEST(Lessons, EachHasAProgramAndAPage) {
  for (const LessonEntry& lesson : manifest())
    for (const char* file : {"main.cpp", "README.md"})
      EXPECT_TRUE(fs::exists(root() / "lessons" / lesson.name / file))
          << lesson.name << "/" << file;
}

TEST(Lessons, HelpGoesToStdoutAndIsNoFailure) {
  for (const std::string& name : programs()) {
    const RunResult result = run_program({binary(name), "--help"}, {.limit = 20});
    EXPECT_EQ(result.status, 0) << name;
    EXPECT_NE(result.out, "") << name;
    EXPECT_EQ(result.err, "") << name;
  }
}

TEST(Lessons, AnUnknownOptionIsAnsweredByTheUsageOnStderrAndStatus2) {
  for (const std::string& name : programs()) {
    const RunResult result = run_program({binary(name), "--no-such-option"}, {.limit = 20});
    EXPECT_EQ(result.status, 2) << name;
    EXPECT_EQ(result.out, "") << name;
    EXPECT_NE(result.err.find("usage"), std::string::npos) << name << ": " << result.err;
  }
}

TEST(Lessons, AMiniatureRunsByItself) {
  for (const LessonEntry& lesson : manifest()) {
    if (!fs::exists(root() / "lessons" / lesson.name / "miniature.cpp")) continue;
    EXPECT_TRUE(fs::exists(binary(lesson.name + ".miniature"))) << lesson.name;
  }
}

// ---- Monkey ------------------------------------------------------------------------------------

/// The functions that `program` defines itself, or nothing when nm is missing.
std::vector<std::string> defined_in(const std::string& program) {
  const RunResult listing = run_program({"nm", "--defined-only", program});
  EXPECT_EQ(listing.status, 0) << listing.err;
  std::vector<std::string> names;
  for (const std::string& line : split(listing.out, '\n')) {
    const auto columns = split(line, ' ');  // address, kind, name
    if (columns.size() < 3 || (columns[1] != "T" && columns[1] != "W" && columns[1] != "i"))
      continue;
    names.push_back(columns[2].substr(0, columns[2].find('@')));
  }
  std::sort(names.begin(), names.end());
  return names;
}

const std::vector<std::string> kHooks = {
    "sleep",       "usleep",     "nanosleep", "clock_nanosleep", "connect",
    "accept",      "accept4",    "ppoll",     "pselect",         "__read_chk",
    "__recv_chk",  "__poll_chk", "read",      "readv",           "recv",
    "recvfrom",    "recvmsg",    "write",     "writev",          "send",
    "sendto",      "sendmsg",    "poll",      "select",          "close",
    "getaddrinfo", "dup2",       "dup3",      "__recvfrom_chk",  "__ppoll_chk"};

class Hooks : public ::testing::Test {
 protected:
  void SetUp() override {
    if (std::system("nm --version >/dev/null 2>&1") != 0) GTEST_SKIP() << "nm is missing";
    const std::string flavour = build().filename().string();
    if (flavour.find("clang") != std::string::npos && flavour.find("san") != std::string::npos)
      GTEST_SKIP() << "clang's sanitizers put hooks of their own into every program";
  }
};

TEST_F(Hooks, LessonFiveHasNone) {
  const auto names = defined_in(binary("05-blocking-http"));
  for (const std::string& hook : kHooks)
    EXPECT_FALSE(std::binary_search(names.begin(), names.end(), hook)) << hook;
}

TEST_F(Hooks, LessonSixHasThemAll) {
  const auto names = defined_in(binary("06-greenlet-http"));
  for (const std::string& hook : kHooks)
    EXPECT_TRUE(std::binary_search(names.begin(), names.end(), hook)) << hook;
}

}  // namespace
}  // namespace simul::testing
