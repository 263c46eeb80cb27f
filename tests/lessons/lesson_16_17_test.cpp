// Lessons 16 and 17 as a reader runs them: the exhibition's hours to the second, with the article's
// figures and others; who starves beside a computation, by the clock and in virtual time; their
// flags, Ctrl-C, what the miniatures print and what the pages quote.
#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <cstdio>
#include <ostream>
#include <regex>
#include <string>
#include <vector>

#include "tests/support/child.hpp"
#include "tests/support/lessons.hpp"

namespace simul {
namespace {

using testing::contents;
using testing::expect_output;
using testing::lines_of;
using testing::program;
using testing::run;
using testing::RunResult;

/// Ctrl-C after the first `lines` lines of its output: silent, at once, and by the program itself.
void expect_ctrl_c_ends_it(const std::string& name, const std::vector<std::string>& arguments,
                           int lines) {
  std::vector<std::string> command = {program(name)};
  command.insert(command.end(), arguments.begin(), arguments.end());
  testing::Child child(command);
  for (int seen = 0; seen < lines;) {
    char byte = 0;
    ASSERT_EQ(::read(child.out.get(), &byte, 1), 1) << "it has ended";
    seen += byte == '\n';
  }
  const pid_t group = child.pid();
  ASSERT_EQ(::kill(group, SIGINT), 0);
  EXPECT_EQ(child.wait(), 128 + SIGINT);
  EXPECT_EQ(child.killed_by(), 0) << "nothing was closed and nobody cleaned up";
  char byte = 0;
  EXPECT_EQ(::read(child.out.get(), &byte, 1), 0) << "it went on";
  EXPECT_EQ(::read(child.err.get(), &byte, 1), 0) << "it wrote something on stderr";
  EXPECT_EQ(::kill(-group, 0), -1) << "it left a process behind";
}

/// Does the page show every line of this output?
void expect_readme_shows(const std::string& lesson, const std::string& out) {
  const std::string readme = contents("lessons/" + lesson + "/README.md");
  for (const std::string& line : lines_of(out)) {
    EXPECT_NE(readme.find(line + "\n"), std::string::npos) << line;
  }
}

// ---- 16: the exhibition ------------------------------------------------------------------------

const std::string kExhibition = "16-chess-exhibition";

/// "1:00:55.250" in milliseconds.
long milliseconds(const std::string& face) {
  int hours = 0, minutes = 0, seconds = 0, rest = 0;
  EXPECT_GE(std::sscanf(face.c_str(), "%d:%d:%d.%d", &hours, &minutes, &seconds, &rest), 3) << face;
  return ((hours * 60L + minutes) * 60 + seconds) * 1000 + rest;
}

struct Times {
  long done = 0, last_reply = 0, thought = 0, waited = 0;  // milliseconds

  friend bool operator==(const Times&, const Times&) = default;
};

std::ostream& operator<<(std::ostream& out, const Times& times) {
  return out << times.done << ' ' << times.last_reply << ' ' << times.thought << ' '
             << times.waited;
}

/// What the exhibition says of the way that is called `title`.
Times times_of(const std::string& title, const std::string& out) {
  const std::regex line(title + R"( +([\d:.]+) +([\d:.]+) +([\d:.]+) +([\d:.]+))");
  std::smatch found;
  if (!std::regex_search(out, found, line)) {
    ADD_FAILURE() << "no line for " << title << ":\n" << out;
    return {};
  }
  return {milliseconds(found[1]), milliseconds(found[2]), milliseconds(found[3]),
          milliseconds(found[4])};
}

struct Ways {
  Times games, round, ready;
};

Ways exhibition(const std::vector<std::string>& arguments) {
  const RunResult result = run(kExhibition, arguments);
  EXPECT_EQ(result.status, 0) << result.err;
  EXPECT_EQ(result.err, "");
  return {times_of("one game after another", result.out), times_of("walking the round", result.out),
          times_of("wherever it is her turn", result.out)};
}

TEST(Lesson16, TheArticlesFiguresGiveTwelveHoursAndOneAndTheLastReplyAfterIt) {
  const Ways ways = exhibition({});
  const long hour = 3'600'000;
  EXPECT_EQ(ways.games, (Times{12 * hour, 12 * hour, hour, 11 * hour}));
  EXPECT_EQ(ways.round, (Times{hour, hour + 55'000, hour, 0}));
  EXPECT_EQ(ways.ready, ways.round);
}

TEST(Lesson16, ItPrintsTheSameEachTimeAndTheHoursCostNothing) {
  for (int i = 0; i < 3; ++i) {
    const RunResult result = run(kExhibition);
    expect_output(result, contents("lessons/" + kExhibition + "/expected.txt"));
    EXPECT_LT(result.seconds, 3) << "virtual time costs none";
  }
  EXPECT_EQ(run(kExhibition, {"--virtual-time"}).out, run(kExhibition).out);
}

TEST(Lesson16, OtherFiguresTakeWhatArithmeticSays) {
  struct Figures {
    int boards, pairs, move, reply;  // milliseconds
  };
  for (const Figures& f :
       {Figures{1, 1, 5000, 55000}, Figures{11, 30, 5000, 55000}, Figures{12, 30, 5000, 55000},
        Figures{13, 30, 5000, 55000}, Figures{48, 7, 1500, 250}, Figures{3, 20, 10, 1000}}) {
    const Ways ways = exhibition(
        {"--boards", std::to_string(f.boards), "--pairs", std::to_string(f.pairs), "--move",
         std::to_string(f.move / 1000.0), "--reply", std::to_string(f.reply / 1000.0)});
    const long both = f.move + f.reply;
    const long games = f.boards * f.pairs * both;
    const long hers = static_cast<long>(f.boards) * f.pairs * f.move;
    EXPECT_EQ(ways.games, (Times{games, games, hers, games - hers}));
    const long round = (f.pairs - 1) * std::max<long>(f.boards * f.move, both) + f.boards * f.move;
    EXPECT_EQ(ways.round, (Times{round, round + f.reply, hers, round - hers}));
    EXPECT_EQ(ways.ready, ways.round);
  }
}

TEST(Lesson16, TheTableTurnsWhereSheBecomesTheBottleneck) {
  const std::string out = run(kExhibition, {"--move", "10", "--reply", "25"}).out;
  EXPECT_NE(out.find("bottleneck from 4 boards on"), std::string::npos) << out;
  std::vector<long> rounds;
  for (const std::string boards : {"1", "2", "3", "4", "5", "8", "16"}) {
    std::smatch found;
    const std::regex row("\n" + boards + R"( +\S+ +(\S+) +([\d.]+) % +(\S+))");
    ASSERT_TRUE(std::regex_search(out, found, row)) << boards << "\n" << out;
    rounds.push_back(milliseconds(found[1]));
    EXPECT_EQ(found[2] == "0.0", std::stoi(boards) >= 4) << boards;
    EXPECT_EQ(found[3] == "0:00:00", std::stoi(boards) < 4) << boards;
  }
  EXPECT_EQ(rounds[2] - rounds[0], 20'000) << "two boards more, and only their last moves longer";
  EXPECT_EQ(rounds[6], 2 * rounds[5]) << "twice the boards, twice the time";
}

TEST(Lesson16, WhoeverIsReadyIsNeverLaterThanTheRoundWhateverTheOpponentsTake) {
  for (int seed = 1; seed <= 8; ++seed) {
    const Ways ways =
        exhibition({"--boards", "12", "--vary", "80", "--seed", std::to_string(seed)});
    SCOPED_TRACE(seed);
    EXPECT_EQ(ways.games.thought, ways.round.thought) << "they are the same games";
    EXPECT_EQ(ways.games.thought, ways.ready.thought);
    EXPECT_LT(ways.ready.done, ways.round.done);
    EXPECT_LT(ways.round.done, ways.games.done);
    EXPECT_EQ(ways.ready.thought + ways.ready.waited, ways.ready.done);
  }
}

TEST(Lesson16, ASeedGivesTheSameGamesAndAnotherOneOthers) {
  const auto out = [](const char* seed) {
    return run(kExhibition, {"--vary", "50", "--seed", seed}).out;
  };
  EXPECT_EQ(out("7"), out("7"));
  EXPECT_NE(out("7"), out("8"));
}

TEST(Lesson16, InRealTimeItTakesAsLongAsItSays) {
  const RunResult result =
      run(kExhibition, {"--real-time", "--boards", "3", "--pairs", "2", "--move", "0.05", "--reply",
                        "0.2", "--only", "round"});
  EXPECT_EQ(result.status, 0) << result.err;
  const Times times = times_of("walking the round", result.out);
  EXPECT_GE(times.done, 400);
  EXPECT_GE(times.last_reply, 600);
  EXPECT_GE(result.seconds, 0.6);
  EXPECT_LT(result.seconds, 6);
  EXPECT_EQ(result.out.find("game"), std::string::npos)
      << "it plays one way alone, without a table";
}

TEST(Lesson16, ItsTimelineHasARowForHerAndOneForEachBoard) {
  const std::string out =
      run(kExhibition, {"--only", "round", "--boards", "3", "--pairs", "2", "--timeline"}).out;
  for (const char* row : {"\nboard 1 ", "\nboard 2 ", "\nboard 3 ", "\nmaster "}) {
    EXPECT_NE(out.find(row), std::string::npos) << row << out;
  }
}

TEST(Lesson16, CtrlCEndsItAtOnceWithoutAWord) {
  expect_ctrl_c_ends_it(kExhibition, {"--real-time"}, 3);
}

TEST(Lesson16, TheLoopItselfPlaysAsTheMasterDoesInEveryStyle) {
  expect_output(run(kExhibition + ".loop"),
                "callbacks    3600 s to her last move, 3655 s to the last reply\n"
                "fibers       3600 s to her last move, 3655 s to the last reply\n"
                "tasks        3600 s to her last move, 3655 s to the last reply\n"
                "and sitting  43145 s to her last move, 43200 s to the last reply\n");
}

TEST(Lesson16, TheMiniaturesClockJumpsThroughTheSameHour) {
  expect_output(run(kExhibition + ".miniature"),
                " 0:05  her move 1 at board 1\n"
                " 0:10  her move 1 at board 2\n"
                " 2:05  her move 2 at board 1\n"
                " 2:10  her move 2 at board 2\n"
                "60:00  her last move; she has thought for 3600 s of 3600\n"
                "60:55  the last reply\n");
}

TEST(Lesson16, HelpGoesToStdoutAndNonsenseIsRefused) {
  for (const std::string& name : {kExhibition, kExhibition + ".loop"}) {
    SCOPED_TRACE(name);
    const RunResult help = run(name, {"--help"});
    EXPECT_TRUE(help.out.starts_with("usage: " + name + " [--help] ")) << help.out;
    EXPECT_EQ(help.status, 0);
    const std::vector<std::vector<std::string>> nonsense = {
        {"--live"}, {"--boards"}, {"--boards", "0"}, {"--pairs", "many"}, {"9"}};
    for (const std::vector<std::string>& arguments : nonsense) {
      const RunResult wrong = run(name, arguments);
      EXPECT_EQ(wrong.status, 2) << arguments.front();
      EXPECT_EQ(wrong.out, "");
      EXPECT_NE(wrong.err.find("\nusage: " + name), std::string::npos);
    }
  }
  EXPECT_EQ(run(kExhibition, {"--only", "chess"}).status, 2);
}

TEST(Lesson16, TheReadmeQuotesItsRealOutput) {
  testing::expect_readme_quotes_output(kExhibition);
  for (const std::string variant : {".loop", ".miniature"}) {
    expect_readme_shows(kExhibition, run(kExhibition + variant).out);
  }
  const std::string out = run(kExhibition, {"--boards", "12", "--vary", "80"}).out;
  expect_readme_shows(kExhibition, out.substr(0, out.find("\nWalking")));
}

// ---- 17: one that computes ---------------------------------------------------------------------

const std::string kHeavy = "17-cpu-heavy";

/// The largest gap of the heart, in milliseconds, in the line that begins so.
double gap_of(const std::string& title, const std::string& out) {
  std::smatch found;
  const std::regex line("(^|\n) *" + title + R"([^\n]*? ([\d.]+) ms)");
  if (!std::regex_search(out, found, line)) {
    ADD_FAILURE() << "no line for " << title << ":\n" << out;
    return 0;
  }
  return std::stod(found[2]);
}

TEST(Lesson17, InVirtualTimeItIsExactAndComplainsOfNobody) {
  expect_output(run(kHeavy, {"--virtual-time"}), contents("lessons/" + kHeavy + "/expected.txt"));
}

TEST(Lesson17, WhoKeepsTheLoopStarvesTheHeartAndWhoGivesWayDoesNot) {
  const RunResult result = run(kHeavy);
  EXPECT_EQ(result.status, 0);
  EXPECT_NE(result.out.find("that from 837799, 524 steps.\n"), std::string::npos) << result.out;
  const double starved = std::min(gap_of("keeps the loop", result.out),
                                  gap_of("co_await, but never a wait", result.out));
  for (const char* title : {"callbacks", "generator", "task", "fiber"}) {
    EXPECT_LT(3 * gap_of(title, result.out), starved) << result.out;
  }
  EXPECT_TRUE(std::regex_match(
      result.err, std::regex("(simul: task 'search' held the loop for [\\d.]+ s\n){2}")))
      << "both are named, and only they: " << result.err;

  EXPECT_NE(result.out.find("     1   999999  "), std::string::npos) << result.out;
  EXPECT_LT(3 * gap_of("10000 +99 ", result.out), gap_of("1000000 +0 ", result.out));
}

TEST(Lesson17, ItsTimelineShowsTheHeartReadyAndNotRunning) {
  const auto out = [](const char* way) {
    return run(kHeavy, {"--virtual-time", "--only", way, "--below", "100000", "--every", "50000",
                        "--timeline"})
        .out;
  };
  const std::string gives_way = out("task");
  EXPECT_NE(gives_way.find("\nheart "), std::string::npos) << gives_way;
  EXPECT_NE(gives_way.find("\nsearch "), std::string::npos) << gives_way;
  EXPECT_NE(gives_way.find(" ready, not running"), std::string::npos) << gives_way;
  EXPECT_NE(out("keeps").find(" blocks the thread"), std::string::npos);
}

TEST(Lesson17, ElsewhereItStarvesNobodyAndFindsTheSame) {
  const RunResult result = run(kHeavy + ".cores", {"--below", "1000000"});
  EXPECT_EQ(result.status, 0);
  EXPECT_EQ(result.err, "");
  EXPECT_NE(result.out.find("that from 837799, 524 steps.\n"), std::string::npos) << result.out;
  for (const char* title : {"on one other thread", "on a thread per", "in a process per"}) {
    EXPECT_LT(2 * gap_of(title, result.out), gap_of("on the loop", result.out)) << result.out;
  }
}

TEST(Lesson17, CtrlCIsAnsweredWhenTheSearchGivesWay) {
  for (const char* style : {"callbacks", "generator", "task", "fiber"}) {
    SCOPED_TRACE(style);
    expect_ctrl_c_ends_it(kHeavy, {"--only", style, "--every", "1000", "--below", "100000000"}, 4);
  }
}

TEST(Lesson17, CtrlCLeavesNoProcessAndNoThreadBehind) {
  expect_ctrl_c_ends_it(kHeavy + ".cores", {"--below", "1000000"}, 4);  // on the other thread
  expect_ctrl_c_ends_it(kHeavy + ".cores", {"--below", "1000000"}, 6);  // in the processes
}

TEST(Lesson17, TheMiniatureCountsWhoWaitsForWhom) {
  expect_output(run(kHeavy + ".miniature"),
                "gives way after   longest wait   the short ones are done at   the long one at\n"
                "           1000           1002                         1009              1000\n"
                "            500            502                         1009              1003\n"
                "            100            102                          309              1009\n"
                "             10             12                           39              1009\n"
                "              1              3                           12              1009\n");
}

TEST(Lesson17, HelpGoesToStdoutAndNonsenseIsRefused) {
  for (const std::string& name : {kHeavy, kHeavy + ".cores"}) {
    SCOPED_TRACE(name);
    const RunResult help = run(name, {"--help"});
    EXPECT_TRUE(help.out.starts_with("usage: " + name + " [--help]")) << help.out;
    EXPECT_EQ(help.status, 0);
    const std::vector<std::vector<std::string>> nonsense = {
        {"--live"}, {"--below"}, {"--below", "1"}, {"--only", "nobody"}, {"9"}};
    for (const std::vector<std::string>& arguments : nonsense) {
      const RunResult wrong = run(name, arguments);
      EXPECT_EQ(wrong.status, 2) << arguments.front();
      EXPECT_EQ(wrong.out, "");
      EXPECT_NE(wrong.err.find("\nusage: " + name), std::string::npos);
    }
  }
  EXPECT_EQ(run(kHeavy + ".cores", {"--virtual-time"}).status, 2) << "threads have real time only";
}

TEST(Lesson17, TheReadmeQuotesItsRealOutput) {
  testing::expect_readme_quotes_output(kHeavy);
  expect_readme_shows(kHeavy, run(kHeavy + ".miniature").out);
}

}  // namespace
}  // namespace simul
