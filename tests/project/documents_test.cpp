// The pages: their links lead somewhere, and their tables agree with the manifest and the sources.
#include <gtest/gtest.h>

#include <regex>

#include "tests/project/project.hpp"

namespace simul::testing {
namespace {

std::vector<std::string> pages() {
  std::vector<std::string> pages = {"README.md"};
  for (const char* folder : {"runtime", "lessons", "tests"})
    for (std::string& page : files_below(folder, {".md"})) pages.push_back(std::move(page));
  return pages;
}

/// Text outside fenced blocks and `code`, where brackets are no links.
std::string prose(const std::string& text) {
  std::string result;
  bool fenced = false;
  for (const std::string& line : split(text, '\n')) {
    if (line.starts_with("```"))
      fenced = !fenced;
    else if (!fenced)
      result += std::regex_replace(line, std::regex("`[^`]*`"), "`") + "\n";
  }
  return result;
}

/// The target of every Markdown link in `text`.
std::vector<std::string> links(const std::string& text) {
  static const std::regex kLink(R"(\]\(([^)\s]+)\))");
  const std::string searched = prose(text);
  std::vector<std::string> targets;
  for (std::sregex_iterator match(searched.begin(), searched.end(), kLink), end; match != end;
       ++match)
    targets.push_back((*match)[1]);
  return targets;
}

TEST(Documents, RelativeLinksLeadToAFile) {
  for (const std::string& page : pages()) {
    for (std::string target : links(read_file(root() / page))) {
      if (target.find("://") != std::string::npos || target.starts_with("mailto:")) continue;
      target = target.substr(0, target.find('#'));
      if (target.empty()) continue;
      EXPECT_TRUE(fs::exists(root() / fs::path(page).parent_path() / target))
          << page << ": " << target;
    }
  }
}

/// The rows of the lesson table in `page`: "name|title|minutes", in order.
std::vector<std::string> lesson_rows(const std::string& page) {
  static const std::regex kRow(R"(^\| \[(\d\d-[a-z0-9-]+)\]\([^)]*\) \| (.*?) \| (\d+) \|.*)");
  std::vector<std::string> rows;
  for (const std::string& line : split(read_file(root() / page), '\n')) {
    std::smatch match;
    if (std::regex_match(line, match, kRow))
      rows.push_back(match[1].str() + "|" + match[2].str() + "|" + match[3].str());
  }
  return rows;
}

TEST(Documents, TheLessonTablesAgreeWithTheManifest) {
  std::vector<std::string> expected;
  for (const LessonEntry& lesson : manifest())
    expected.push_back(lesson.name + "|" + lesson.title + "|" + lesson.minutes);
  EXPECT_EQ(lesson_rows("README.md"), expected);
  EXPECT_EQ(lesson_rows("lessons/README.md"), expected);
}

TEST(Documents, TheMapOfTheRuntimeHasEveryFileWithItsLength) {
  static const std::regex kEntry(R"(\]\(([a-z_0-9]+/[a-z_0-9]+\.[ch]pp)\) (\d+))");
  const std::string map = read_file(root() / "runtime/README.md");
  std::vector<std::string> mapped;
  for (std::sregex_iterator match(map.begin(), map.end(), kEntry), end; match != end; ++match) {
    const std::string file = "runtime/" + (*match)[1].str();
    mapped.push_back(file);
    if (!fs::exists(root() / file)) continue;  // the comparison below names it
    const double lines = static_cast<double>(split(read_file(root() / file), '\n').size());
    EXPECT_NEAR(std::stod((*match)[2]), lines, std::max(20.0, lines / 8))
        << file << ": make map writes it anew";
  }
  std::sort(mapped.begin(), mapped.end());
  EXPECT_EQ(mapped, files_below("runtime", {".hpp", ".cpp"})) << "make map writes it anew";
}

TEST(Documents, TheFirstTwoFencedLinesAreTheQuickStart) {
  std::vector<std::string> fenced;
  bool inside = false;
  for (const std::string& line : split(read_file(root() / "README.md"), '\n')) {
    if (line.starts_with("```"))
      inside = !inside;
    else if (inside)
      fenced.push_back(line);
  }
  ASSERT_GE(fenced.size(), 2u);
  EXPECT_TRUE(fenced[0].ends_with("make tour")) << fenced[0];
  EXPECT_EQ(fenced[1], "make deps test");
}

TEST(Documents, HelpListsEveryTargetOfTheMakefile) {
  const std::string makefile = read_file(root() / "Makefile");
  std::string help;
  for (const std::string& line : split(makefile, '\n'))
    if (line.starts_with("#:")) help += line + "\n";
  static const std::regex kPhony(R"(^\.PHONY: (.*)$)");
  for (const std::string& line : split(makefile, '\n')) {
    std::smatch match;
    if (!std::regex_match(line, match, kPhony)) continue;
    for (const std::string& target : split(match[1], ' ')) {
      if (target.find('$') != std::string::npos || target == "all" || target == "FORCE" ||
          target == "fuzz-run")
        continue;
      EXPECT_NE(help.find("make " + target), std::string::npos) << target;
    }
  }
}

TEST(Documents, TheLinkCheckSeesLinksButNotCode) {
  EXPECT_EQ(links("a [b](c.md) and [d](e/f.md#g)"), (std::vector<std::string>{"c.md", "e/f.md#g"}));
  EXPECT_TRUE(links("`[a](b)`\n```\n[c](d)\n```\n").empty());
}

}  // namespace
}  // namespace simul::testing
