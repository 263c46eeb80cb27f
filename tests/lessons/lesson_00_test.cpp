// Lesson 00 as a reader runs it, and its four parents as functions: what each of them promises on
// any evening. The deadlock and the lost update happen every time, and the mended ones never.
#include <gtest/gtest.h>

#include <csignal>
#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "lessons/00-parents/asynchronous.hpp"
#include "lessons/00-parents/batching.hpp"
#include "lessons/00-parents/channel.hpp"
#include "lessons/00-parents/chequebook.hpp"
#include "lessons/00-parents/deadlock.hpp"
#include "lessons/00-parents/polling.hpp"
#include "lessons/00-parents/threading.hpp"
#include "runtime/json/json.hpp"
#include "tests/support/lessons.hpp"
#include "tests/support/temp_dir.hpp"

namespace simul {
namespace {

using namespace parents;
using testing::contents;
using testing::expect_output;
using testing::lines_of;
using testing::program;
using testing::run;
using testing::run_program;
using testing::RunResult;

const std::string kName = "00-parents";
const std::vector<std::string> kVariants = {".batching",     ".polling",  ".threading",
                                            ".asynchronous", ".deadlock", ".chequebook"};

// ---------------------------------------------------------------------------- four parents

/// Calls `check(evening)` for many evenings.
template <class Check>
void on_many_evenings(Check check) {
  for (int seed = 0; seed < 40; ++seed) {
    for (const int children : {1, 3, 12}) {
      for (const int entry : {1, 7, 45}) {
        SCOPED_TRACE("seed " + std::to_string(seed) + ", children " + std::to_string(children) +
                     ", entry " + std::to_string(entry));
        check(make_evening({.children = children, .seed = seed, .entry = entry}));
      }
    }
  }
}

/// Every step of every job once, in its order, for as long as it says, and as long after the one
/// before as it says.
void expect_all_done(const Evening& evening, const Diary& diary) {
  std::size_t steps = 0;
  for (const Job& job : evening) {
    int since = 0;
    auto step = job.steps.begin();
    for (const Visit& visit : diary.visits) {
      if (visit.who != job.name) continue;
      ASSERT_NE(step, job.steps.end()) << job.name;
      EXPECT_EQ(visit.called, since + step->alone) << job.name;
      EXPECT_GE(visit.came, visit.called) << job.name;
      EXPECT_EQ(visit.left, visit.came + step->care) << job.name;
      since = visit.left;
      ++step;
      ++steps;
    }
    EXPECT_EQ(step, job.steps.end()) << job.name << " is not over";
  }
  EXPECT_EQ(steps, diary.visits.size());
}

/// A parent is at one place at a time. The visits are in the order in which they were paid.
void expect_one_parent(const Diary& diary) {
  EXPECT_EQ(diary.parents, 1);
  for (std::size_t i = 1; i < diary.visits.size(); ++i)
    EXPECT_GE(diary.visits[i].came, diary.visits[i - 1].left);
}

TEST(Lesson00, TheBatchingParentEndsOneJobBeforeTheNext) {
  on_many_evenings([](const Evening& evening) {
    const Diary diary = batching(evening);
    expect_all_done(evening, diary);
    expect_one_parent(diary);
    std::vector<std::string> order, expected;
    for (const Visit& visit : diary.visits)
      if (order.empty() || order.back() != visit.who) order.push_back(visit.who);
    for (const Job& job : evening) expected.push_back(job.name);
    EXPECT_EQ(order, expected);
  });
}

TEST(Lesson00, ThePollingParentComesAtALookAndCountsThoseInVain) {
  for (const int interval : {1, 15, 60}) {
    on_many_evenings([interval](const Evening& evening) {
      const Diary diary = polling(evening, interval);
      expect_all_done(evening, diary);
      expect_one_parent(diary);
      int found = 0;
      for (const Visit& visit : diary.visits) found += visit.who == "chequebook" ? 0 : 1;
      EXPECT_EQ(diary.looks - diary.in_vain, found) << "who is found is attended to";
    });
  }
}

TEST(Lesson00, UnderTheThreadingParentNobodyWaits) {
  on_many_evenings([](const Evening& evening) {
    const Diary diary = threading(evening);
    expect_all_done(evening, diary);
    EXPECT_EQ(diary.parents, static_cast<int>(evening.size()));
    for (const Visit& visit : diary.visits) EXPECT_EQ(visit.waited(), 0) << visit.who;
  });
}

TEST(Lesson00, TheAsynchronousParentComesInTheOrderOfCallsAndIsNeverIdleWhileOneCalls) {
  on_many_evenings([](const Evening& evening) {
    const Diary diary = asynchronous(evening);
    expect_all_done(evening, diary);
    expect_one_parent(diary);
    EXPECT_EQ(diary.looks, 0);
    int free = 0, called = 0;
    for (const Visit& visit : diary.visits) {
      EXPECT_GE(visit.called, called) << visit.who << " was before its turn";
      EXPECT_EQ(visit.came, std::max(visit.called, free)) << visit.who;
      called = visit.called;
      free = visit.left;
    }
  });
}

TEST(Lesson00, BellsAtTheSameTimeAreDoneInTheOrderInWhichTheyWereSet) {
  Loop loop;
  std::string order;
  loop.call_at(5, [&] { order += "c"; });
  loop.call_at(3, [&] {
    order += "a";
    loop.busy_until(5);
    loop.call_at(4, [&] { order += "e"; });  // it has rung meanwhile
  });
  loop.call_at(3, [&] { order += "b"; });
  loop.call_at(5, [&] { order += "d"; });
  loop.run();
  EXPECT_EQ(order, "abecd");
  EXPECT_EQ(loop.now(), 5);
}

// ---------------------------------------------------------------------------- accidents

TEST(Lesson00, TheDeadlockHappensEveryTimeAndIsSeenAsACircle) {
  for (int round = 1; round <= 200; ++round) {
    int loads = 0;
    EXPECT_EQ(deadlock(loads),
              (std::vector<std::string>{"One waits for the dryer, which Two has",
                                        "Two waits for the washer, which One has"}));
    ASSERT_EQ(loads, 1) << "One went on when Two had been called off";
  }
}

TEST(Lesson00, TheWatchSeesACircleAndNothingElse) {
  Room room;
  Machine washer{"washer"}, dryer{"dryer"};
  Parent one{"One"}, two{"Two"};
  std::thread other([&] {
    const Having both_first(room, two, dryer);
    const Having both_second(room, two, washer);
  });
  other.join();
  {
    const Having alone(room, one, washer);
    room.go_home();
  }
  EXPECT_TRUE(room.watch(one, 1).empty()) << "all went home without waiting";
}

TEST(Lesson00, WithAnOrderOrWithBothAtOnceEveryLoadIsMoved) {
  EXPECT_EQ(in_one_order(5000), 10'000);
  EXPECT_EQ(both_at_once(5000), 10'000);
}

TEST(Lesson00, AtEachMeetingOneUpdateIsLost) {
  for (const int meetings : {1, 2, 20, 500})
    for (int again = 0; again < 20; ++again)
      EXPECT_EQ(both_at_the_book(meetings), right_balance(meetings) + meetings * kCheque);
}

TEST(Lesson00, WithAMutexOrWithMessagesNoneIs) {
  for (const int cheques : {1, 20, 20'000}) {
    EXPECT_EQ(with_a_mutex(cheques), right_balance(cheques));
    EXPECT_EQ(with_messages(cheques), right_balance(cheques));
  }
}

TEST(Lesson00, AChannelGivesOutWhatIsInItBeforeItsEnd) {
  Channel<int> channel;
  channel.put(1);
  channel.put(2);
  channel.close();
  EXPECT_EQ(channel.take(), 1);
  EXPECT_EQ(channel.take(), 2);
  EXPECT_EQ(channel.take(), std::nullopt);
  EXPECT_EQ(channel.take(), std::nullopt);
}

// ---------------------------------------------------------------------------- programs

TEST(Lesson00, PrintsTheSameOnEveryRun) {
  const std::string expected = contents("lessons/" + kName + "/expected.txt");
  for (int i = 0; i < 20; ++i) expect_output(run(kName), expected);
}

TEST(Lesson00, QuotesItsRealOutputInTheReadme) {
  testing::expect_readme_quotes_output(kName);
}

TEST(Lesson00, EachVariantTellsItsPartOfTheStory) {
  const std::string whole = contents("lessons/" + kName + "/expected.txt");
  for (const std::string& variant : kVariants) {
    SCOPED_TRACE(variant);
    const RunResult result = run(kName + variant);
    EXPECT_EQ(result.status, 0);
    EXPECT_EQ(result.err, "");
    int shared = 0;
    for (const std::string& line : lines_of(result.out))
      shared += whole.find(line + "\n") != std::string::npos ? 1 : 0;
    EXPECT_GE(shared, 4) << result.out;
  }
}

/// Who did what from when to when, in minutes.
using Stretches = std::multiset<std::tuple<std::string, std::string, std::int64_t, std::int64_t>>;

/// What `--trace FILE.json` has written.
Stretches drawn_in(const std::string& file) {
  constexpr std::int64_t kMinute = 60'000'000;  // in microseconds
  Stretches drawn;
  std::map<std::int64_t, std::string> names;
  const json::Value trace = json::parse(contents(file));
  const json::Array& events = trace["traceEvents"].as_array();
  for (std::size_t i = 0; i < events.size(); ++i) {
    const json::Value& event = events[i];
    const std::string& phase = event["ph"].as_string();
    if (phase == "M" && event["name"].as_string() == "thread_name") {
      names[event["tid"].as_int()] = event["args"]["name"].as_string();
    } else if (phase == "B") {
      drawn.emplace(names[event["tid"].as_int()], event["name"].as_string(),
                    event["ts"].as_int() / kMinute, events[i + 1]["ts"].as_int() / kMinute);
    }
  }
  return drawn;
}

// Who calls is ready until she comes, and then runs; and she runs whenever anybody does.
TEST(Lesson00, ItsTimelineIsTheEveningToTheMinute) {
  const Evening evening = make_evening({});
  const std::vector<std::pair<std::string, Diary>> kinds{{"batching", batching(evening)},
                                                         {"polling", polling(evening, 15)},
                                                         {"threading", threading(evening)},
                                                         {"asynchronous", asynchronous(evening)}};
  const testing::TempDir folder;
  for (const auto& [kind, diary] : kinds) {
    SCOPED_TRACE(kind);
    const std::string file = (folder / (kind + ".json")).string();
    ASSERT_EQ(run(kName + "." + kind, {"--trace", file}).status, 0);

    Stretches expected;
    std::map<std::string, std::tuple<std::string, int, int>> last;  // what goes on is one stretch
    const auto expect = [&](const std::string& who, const std::string& does, int from, int to) {
      if (from == to) return;
      auto& [before, since, until] = last[who];
      if (before == does && until == from) {
        expected.erase({who, does, since, until});
        from = since;
      }
      last[who] = {does, from, to};
      expected.emplace(who, does, from, to);
    };
    const std::string awaited = kind == "polling" ? "waits: next look" : "waits: a call";
    std::map<std::string, int> until;  // what was said of each
    for (const Visit& visit : diary.visits) {
      expect(visit.who, "waits: alone", until[visit.who], visit.called);
      expect(visit.who, "ready", visit.called, visit.came);
      expect(visit.who, "runs", visit.came, visit.left);
      const std::string she = kind == "threading" ? visit.who + "'s parent" : kind + " parent";
      expect(she, awaited, until[she], visit.came);
      expect(she, "runs", visit.came, visit.left);
      until[visit.who] = until[she] = visit.left;
    }
    EXPECT_EQ(drawn_in(file), expected);
  }
}

TEST(Lesson00, FlagsMakeAnotherEvening) {
  const std::string usual = run(kName).out;
  for (const std::vector<std::string>& flags : std::vector<std::vector<std::string>>{
           {"--children", "12"}, {"--seed=2"}, {"--evenings", "1"}, {"--interval=4"}}) {
    const RunResult result = run(kName, flags);
    EXPECT_EQ(result.status, 0) << flags[0];
    EXPECT_NE(result.out, usual) << flags[0];
    EXPECT_EQ(result.out, run(kName, flags).out) << flags[0];
  }
  EXPECT_NE(run(kName + ".asynchronous", {"--entry", "45"}).out, run(kName + ".asynchronous").out);
  EXPECT_NE(run(kName + ".polling", {"--interval", "7"}).out.find("polling, 7 min"),
            std::string::npos);
  EXPECT_NE(
      run(kName + ".deadlock", {"--rounds", "50", "--loads", "3"})
          .out.find("A circle, in 50 of 50 rounds. Two was called off and One went on: 50 of 100 "
                    "loads moved.\n"),
      std::string::npos);
  const std::string book = run(kName + ".chequebook", {"--cheques", "300", "--by-luck", "5"}).out;
  EXPECT_EQ(lines_of(book).size(), 5u) << book;
  EXPECT_NE(book.find("300\nwith a mutex"), std::string::npos) << book;
}

TEST(Lesson00, UnwatchedTheDeadlockLastsUntilSomebodyEndsIt) {
  testing::Child child({program(kName + ".deadlock"), "--for-ever"});
  char byte = 0;
  while (byte != '\n') ASSERT_EQ(::read(child.out.get(), &byte, 1), 1);
  EXPECT_EQ(child.poll(), -1);
  child.signal(SIGINT);
  EXPECT_EQ(child.wait(), 128 + SIGINT);
  EXPECT_EQ(child.killed_by(), SIGINT);
}

TEST(Lesson00, HelpNamesTheFlagsAndNonsenseIsRefused) {
  for (std::string variant : kVariants) {
    const RunResult help = run(kName + variant, {"--help"});
    EXPECT_TRUE(help.out.starts_with("usage: " + kName + variant + " [--help] [--")) << help.out;
    EXPECT_EQ(help.status, 0);
  }
  for (const std::vector<std::string>& wrong :
       std::vector<std::vector<std::string>>{{"--children", "0"},
                                             {"--children", "13"},
                                             {"--interval", "0"},
                                             {"--interval"},
                                             {"--seed", "x"},
                                             {"--evenings", "0"},
                                             {"--entry", "3"},
                                             {"--virtual-time"},
                                             {"Ann"}}) {
    const RunResult result = run(kName, wrong);
    EXPECT_EQ(result.status, 2) << wrong[0];
    EXPECT_EQ(result.out, "");
    EXPECT_NE(result.err.find("\nusage: " + kName), std::string::npos) << result.err;
  }
}

}  // namespace
}  // namespace simul
