// What `make` says to a reader: too old a compiler, a wrong choice, a lesson that is not there.
#include <gtest/gtest.h>

#include "tests/project/project.hpp"
#include "tests/support/child.hpp"
#include "tests/support/temp_dir.hpp"

namespace simul::testing {
namespace {

/// `make` in the root with `arguments`, free of the variables of a make that runs this test.
RunResult make(std::vector<std::string> arguments) {
  std::vector<std::string> command = {"env"};
  for (const char* name : {"MAKEFLAGS", "MFLAGS", "MAKELEVEL", "CXX", "POLLER", "CONTEXT", "SAN",
                           "WERROR", "SUITES", "T", "V"}) {
    command.insert(command.end(), {"-u", name});
  }
  for (const char* word : {"make", "--no-print-directory", "-C"}) command.push_back(word);
  command.push_back(root().string());
  command.insert(command.end(), arguments.begin(), arguments.end());
  return run_program(command);
}

/// A compiler that answers only the question for its version.
std::string compiler_that_is(const TempDir& folder, const std::string& answer) {
  const fs::path script = folder.write("compiler", "#!/bin/sh\necho 'is " + answer + "'\n");
  fs::permissions(script, fs::perms::owner_all);
  return "CXX=" + script.string();
}

TEST(Makefile, RefusesAnOldClangByNameAndVersion) {
  const TempDir folder;
  const RunResult result = make({compiler_that_is(folder, "14 0 4 2 1"), "-n"});
  EXPECT_EQ(result.status, 2);
  EXPECT_NE(result.err.find("clang 14.0: simul needs g++ 12"), std::string::npos) << result.err;
  EXPECT_EQ(std::count(result.err.begin(), result.err.end(), '\n'), 1) << result.err;
}

TEST(Makefile, RefusesAnOldGccByNameAndVersion) {
  const TempDir folder;
  const RunResult result =
      make({compiler_that_is(folder, "__clang_major__ __clang_minor__ 11 4 1"), "-n"});
  EXPECT_EQ(result.status, 2);
  EXPECT_NE(result.err.find("g++ 11.4: simul needs g++ 12"), std::string::npos) << result.err;
}

TEST(Makefile, AcceptsTheOldestCompilersThatItNames) {
  const TempDir folder;
  EXPECT_EQ(make({compiler_that_is(folder, "16 0 4 2 1"), "-n", "all"}).status, 0);
  const std::string gcc = compiler_that_is(folder, "__clang_major__ __clang_minor__ 12 1 1");
  EXPECT_EQ(make({gcc, "-n", "all"}).status, 0);
}

TEST(Makefile, HelpAndDoctorNeedNoCompiler) {
  EXPECT_EQ(make({"CXX=/no/such/compiler", "help"}).status, 0);
  const RunResult doctor = make({"CXX=/no/such/compiler", "doctor"});
  EXPECT_EQ(doctor.status, 2);
  EXPECT_NE(doctor.out.find("compiler    missing"), std::string::npos) << doctor.out;
}

TEST(Makefile, NamesTheChoicesWhenOneIsWrong) {
  const RunResult poller = make({"POLLER=eqoll", "-n"});
  EXPECT_EQ(poller.status, 2);
  EXPECT_NE(poller.err.find("epoll, kqueue, poll"), std::string::npos) << poller.err;
  const RunResult context = make({"CONTEXT=slow", "-n"});
  EXPECT_EQ(context.status, 2);
  EXPECT_NE(context.err.find("fast, ucontext"), std::string::npos) << context.err;
}

TEST(Makefile, ListsTheProgramsWhenThereIsNoSuchLesson) {
  const RunResult result = make({"run-99"});
  EXPECT_EQ(result.status, 2);
  EXPECT_NE(result.err.find("run-01"), std::string::npos) << result.err;
}

TEST(Makefile, TakesALessonsNumberWithAndWithoutTheZero) {
  EXPECT_EQ(make({"-n", "run-01"}).status, 0);
  EXPECT_EQ(make({"-n", "run-1"}).status, 0);
}

TEST(Makefile, TheSanitizersHaveAFolderOfTheirOwn) {
  const RunResult result = make({"-n", "all", "SAN=asan", "POLLER=poll", "CONTEXT=ucontext"});
  EXPECT_NE(result.out.find("build/asan+poll+ucontext/"), std::string::npos);
}

}  // namespace
}  // namespace simul::testing
