// The tests' own tools keep their promises.
#include <gtest/gtest.h>

#include "tests/support/child.hpp"
#include "tests/support/temp_dir.hpp"

namespace simul::testing {
namespace {

TEST(RunProgram, TellsOutputErrorsAndStatusApart) {
  const RunResult result = run_program({"sh", "-c", "echo out; echo err >&2; exit 3"});
  EXPECT_EQ(result.out, "out\n");
  EXPECT_EQ(result.err, "err\n");
  EXPECT_EQ(result.status, 3);
  EXPECT_FALSE(result.timed_out);
}

TEST(RunProgram, PassesInputAndEnvironment) {
  const RunResult result = run_program({"sh", "-c", "cat; echo $WORD $HOME"},
                                       {.environment = {"WORD=said", "HOME=here"}, .input = "in "});
  EXPECT_EQ(result.out, "in said here\n");
}

TEST(RunProgram, AMegabyteGoesThroughBothWays) {
  const std::string much(1 << 20, 'x');
  const RunResult result = run_program({"cat"}, {.input = much});
  EXPECT_EQ(result.out, much);
}

TEST(RunProgram, ReportsTheSignalThatEndedIt) {
  EXPECT_EQ(run_program({"sh", "-c", "kill -TERM $$"}).status, 128 + SIGTERM);
}

TEST(RunProgram, KillsWhatIsNotDoneInTimeWithItsChildren) {
  const RunResult result = run_program({"sh", "-c", "sleep 100 & sleep 100"}, {.limit = 0.2});
  EXPECT_TRUE(result.timed_out);
  EXPECT_EQ(result.status, 128 + SIGKILL);
  EXPECT_LT(result.seconds, 50);
}

TEST(RunProgram, DoesNotWaitForAGrandchildThatHoldsItsOutput) {
  EXPECT_LT(run_program({"sh", "-c", "sleep 100 &"}).seconds, 50);
}

TEST(RunProgram, AProgramThatIsNotThereThrows) {
  EXPECT_THROW(run_program({"/no/such/program"}), std::system_error);
}

TEST(TempDir, IsGoneWithItsFilesWhenItsScopeEnds) {
  std::filesystem::path path;
  {
    const TempDir folder;
    path = folder.path();
    EXPECT_TRUE(std::filesystem::exists(folder.write("a/b.txt", "text")));
  }
  EXPECT_FALSE(std::filesystem::exists(path));
}

}  // namespace
}  // namespace simul::testing
