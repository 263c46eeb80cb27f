// The tool of lesson 14: `14-top-stories.json [--check] FILE`.
#include <gtest/gtest.h>

#include <string>

#include "tests/support/lessons.hpp"
#include "tests/support/temp_dir.hpp"

namespace simul::testing {
namespace {

RunResult json(std::vector<std::string> arguments, const std::string& input = "") {
  arguments.insert(arguments.begin(), program("14-top-stories.json"));
  return run_program(arguments, {.input = input});
}

TEST(JsonTool, PrintsTheDocumentInCanonicalForm) {
  expect_output(json({"-"}, " {\"b\" : [1.50, 2e0, -0],\r\n\t\"a\": \"\\u00fc\\/\\u000A\"} "),
                "{\"b\":[1.5,2.0,0],\"a\":\"\xc3\xbc/\\n\"}\n");
  expect_output(json({"--check", "-"}, "[1, 2]"), "");
}

TEST(JsonTool, SaysWithLineAndColumnWhyItIsNotJson) {
  for (const std::vector<std::string>& arguments :
       {std::vector<std::string>{"-"}, std::vector<std::string>{"--check", "-"}}) {
    const RunResult result = json(arguments, "{\"a\": 1,\n \"b\": 2,}");
    EXPECT_EQ(result.status, 1);
    EXPECT_EQ(result.out, "");
    EXPECT_EQ(result.err,
              "14-top-stories.json: -: line 2, column 9: expected a key in double quotes, "
              "found '}'\n");
  }
  EXPECT_EQ(json({"-"}, std::string(1001, '[')).err,
            "14-top-stories.json: -: line 1, column 1001: JSON nested deeper than the limit of "
            "1000\n");
}

TEST(JsonTool, ReadsAFileAndSaysWhichOneItCannotRead) {
  const TempDir folder;
  const std::string text = "[\"" + std::string(200'000, 'x') + "\"]";
  const std::string file = folder.write("document", std::string(200'000, ' ') + text);
  expect_output(json({file}), text + "\n");
  const std::string nowhere = folder / "missing";
  const RunResult missing = json({nowhere});
  EXPECT_EQ(missing.status, 1);
  EXPECT_EQ(missing.err, "14-top-stories.json: open " + nowhere + ": No such file or directory\n");
}

TEST(JsonTool, AnswersAWrongCommandLineWithTheUsage) {
  for (const std::vector<std::string>& arguments :
       {std::vector<std::string>{}, {"a", "b"}, {"--chek", "a"}, {"--check"}}) {
    const RunResult result = json(arguments);
    EXPECT_EQ(result.status, 2);
    EXPECT_EQ(result.out, "");
    EXPECT_EQ(result.err, "usage: 14-top-stories.json [--check] FILE\n");
  }
}

}  // namespace
}  // namespace simul::testing
