// The recorder and the chart: a known schedule gives the known timeline, and that the known chart.
#include <gtest/gtest.h>

#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdlib>
#include <optional>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "runtime/base/activity.hpp"
#include "runtime/base/clock.hpp"
#include "runtime/base/observer.hpp"
#include "runtime/deferred/defer_later.hpp"
#include "runtime/deferred/inline_callbacks.hpp"
#include "runtime/deferred/looping_call.hpp"
#include "runtime/fiber/fiber.hpp"
#include "runtime/generator/generator.hpp"
#include "runtime/reactor/reactor.hpp"
#include "runtime/reactor/sleep.hpp"
#include "runtime/sync/lock.hpp"
#include "runtime/sync/queue.hpp"
#include "runtime/task/create_task.hpp"
#include "runtime/task/gather.hpp"
#include "runtime/task/run.hpp"
#include "runtime/thread/thread_pool.hpp"
#include "runtime/trace/chart.hpp"
#include "runtime/trace/layout.hpp"
#include "runtime/trace/recorder.hpp"
#include "runtime/trace/text.hpp"

namespace simul::trace {
namespace {

using namespace std::chrono_literals;
using std::chrono::nanoseconds;

// "runs 0-0, waits sleep 0-1, runs 1-1": times in seconds.
std::string spans_of(const Actor& actor) {
  static constexpr const char* kStates[] = {"runs", "blocks", "ready", "waits"};
  const auto seconds = [](nanoseconds time) {
    std::string text = std::to_string(time.count() / 1'000'000'000);
    if (const auto rest = time.count() % 1'000'000'000 / 100'000'000; rest != 0)
      text += "." + std::to_string(rest);
    return text;
  };
  std::string text;
  for (const Span& span : actor.spans) {
    text += (text.empty() ? "" : ", ") + std::string(kStates[static_cast<int>(span.state)]);
    if (!span.label.empty()) text += " " + span.label;
    text += " " + seconds(span.from) + "-" + seconds(span.to);
  }
  return text;
}

const Actor* find(const Timeline& timeline, std::string_view name) {
  const auto found = std::ranges::find(timeline.actors, name, &Actor::name);
  return found == timeline.actors.end() ? nullptr : &*found;
}

std::string spans_of(const Timeline& timeline, std::string_view name) {
  const Actor* actor = find(timeline, name);
  return actor != nullptr ? spans_of(*actor) : "there is no " + std::string(name);
}

// Whatever happened: spans in order, within the recording, and a name for everybody.
void expect_sound(const Timeline& timeline) {
  for (const Actor& actor : timeline.actors) {
    EXPECT_FALSE(actor.name.empty());
    EXPECT_FALSE(actor.kind.empty());
    EXPECT_GE(actor.thread, 1u);
    nanoseconds at{0};
    for (const Span& span : actor.spans) {
      EXPECT_LE(at, span.from) << actor.name;
      EXPECT_LE(span.from, span.to) << actor.name;
      at = span.to;
    }
    EXPECT_LE(at, timeline.length) << actor.name;
  }
}

// What `program` does in virtual time, in a loop of its own.
template <class Program>
Timeline recorded(Program program, RecorderOptions options = {}) {
  Reactor loop;
  VirtualTime virtual_time;
  Recorder recorder(std::move(options));
  program();
  Timeline timeline = recorder.stop();
  expect_sound(timeline);
  return timeline;
}

Task<> sleeper(std::string, Duration delay) {
  co_await sleep(delay);
}

Generator<> blocker(std::string, int turns) {
  for (int i = 0; i < turns; ++i) {
    Clock::sleep_for(1s);
    co_yield {};
  }
}

// --- Recording ----------------------------------------------------------------------------------

TEST(Recorder, RecordsTasksThatSleepToTheNanosecond) {
  const Timeline timeline = recorded(
      [] {
        run([]() -> Task<> {
          co_await gather(create_task(sleeper("One", 1s)), create_task(sleeper("Two", 2s)));
        }());
      },
      {.title = "two sleepers"});
  EXPECT_EQ(timeline.title, "two sleepers");
  EXPECT_EQ(timeline.length, 2s);
  EXPECT_EQ(timeline.dropped, 0u);
  EXPECT_EQ(spans_of(timeline, "main program"), "runs 0-0, waits task 0-2, runs 2-2");
  EXPECT_EQ(spans_of(timeline, "main"), "runs 0-0, waits gather 0-2, runs 2-2");
  EXPECT_EQ(spans_of(timeline, "One"), "runs 0-0, waits sleep 0-1, runs 1-1");
  EXPECT_EQ(spans_of(timeline, "Two"), "runs 0-0, waits sleep 0-2, runs 2-2");
  EXPECT_EQ(find(timeline, "One")->kind, "task");
}

TEST(Recorder, TheSameProgramInVirtualTimeGivesTheSameTimeline) {
  const auto program = [] {
    join_all<void>({spawn([](std::string) { this_fiber::sleep_for(3s); }, "a"),
                    spawn([](std::string) { this_fiber::sleep_for(2h); }, "b")});
  };
  const std::string once = chart(recorded(program));
  EXPECT_EQ(chart(recorded(program)), once);
  EXPECT_NE(once.find("2 h"), once.npos);
}

TEST(Recorder, WhoBlocksHoldsUpTheOthersAndTheTimelineShowsIt) {
  const Timeline timeline = recorded([] {
    Generator<> one = blocker("One", 2);
    Generator<> two = blocker("Two", 1);
    one.next();
    two.next();
    one.next();
    two.next();
  });
  EXPECT_EQ(spans_of(timeline, "main program"),
            "runs 0-0, blocks sleep 0-1, runs 1-1, blocks sleep 1-2, "
            "runs 2-2, blocks sleep 2-3, runs 3-3");
  EXPECT_EQ(spans_of(timeline, "One"),
            "runs 0-0, blocks sleep 0-1, runs 1-1, waits yield 1-2, "
            "runs 2-2, blocks sleep 2-3, runs 3-3");
  EXPECT_EQ(spans_of(timeline, "Two"),
            "waits the first turn 0-1, runs 1-1, blocks sleep 1-2, runs 2-2, waits yield 2-3, "
            "runs 3-3");
}

TEST(Recorder, WhoRunsInsideAnotherRunsBlocksAndWaitsWithHim) {
  const Timeline timeline = recorded([] {
    run([]() -> Task<> {
      Generator<> inner = blocker("inner", 1);
      inner.next();
      const Activity activity("piece of work");
      co_await sleep(1s);
      Clock::sleep_for(1s);
    }());
  });
  EXPECT_EQ(spans_of(timeline, "main"),
            "runs 0-0, blocks sleep 0-1, runs 1-1, waits sleep 1-2, runs 2-2, blocks sleep 2-3, "
            "runs 3-3");
  EXPECT_EQ(spans_of(timeline, "inner"), "runs 0-0, blocks sleep 0-1, runs 1-1, waits yield 1-3");
  EXPECT_EQ(spans_of(timeline, "piece of work"),
            "runs 1-1, waits sleep 1-2, runs 2-2, blocks sleep 2-3, runs 3-3");
  EXPECT_EQ(find(timeline, "piece of work")->kind, "call");
}

TEST(Recorder, ReadyIsWhoCouldGoOnAndSomebodyElseHasTheThread) {
  const Timeline timeline = recorded([] {
    run([]() -> Task<> {
      auto greedy = create_task([](std::string) -> Task<> {
        Clock::sleep_for(2s);
        co_return;
      }("greedy"));
      auto modest = create_task(sleeper("modest", 1s));
      co_await sleep(0s);
      co_await modest;
      co_await greedy;
    }());
  });
  EXPECT_EQ(spans_of(timeline, "modest"), "ready 0-2, runs 2-2, waits sleep 2-3, runs 3-3");
}

TEST(Recorder, SaysForWhatEachWaits) {
  const Timeline timeline = recorded([] {
    Lock lock;
    Queue<int> queue;
    run([](Lock& l, Queue<int>& q) -> Task<> {
      auto getter = create_task(
          [](std::string, Queue<int>& from) -> Task<> { co_await from.get(); }("getter", q));
      auto holder = create_task([](std::string, Lock& of) -> Task<> {
        auto guard = co_await of.acquire();
        co_await sleep(1s);
      }("holder", l));
      auto second = create_task(
          [](std::string, Lock& of) -> Task<> { auto guard = co_await of.acquire(); }("second", l));
      co_await sleep(2s);
      q.try_put(1);
      co_await gather(std::move(getter), std::move(holder), std::move(second));
    }(lock, queue));
  });
  EXPECT_EQ(spans_of(timeline, "getter"), "runs 0-0, waits queue.get 0-2, runs 2-2");
  EXPECT_EQ(spans_of(timeline, "holder"), "runs 0-0, waits sleep 0-1, runs 1-1");
  EXPECT_EQ(spans_of(timeline, "second"), "runs 0-0, waits lock 0-1, runs 1-1");
}

InlineCallbacks<void> waits_twice(std::string) {
  co_yield defer_later(1s, [] {});
  co_yield defer_later(1s, [] {});
}

TEST(Recorder, ShowsWhatDeferredsAreMadeOf) {
  const Timeline timeline = recorded([] {
    int calls = 0;
    LoopingCall looping([&] {
      if (++calls == 3) Reactor::current().stop();
    });
    looping.start(1s);
    waits_twice("inline");
    Reactor::current().run_forever();
  });
  EXPECT_EQ(spans_of(timeline, "inline"),
            "runs 0-0, waits deferred 0-1, runs 1-1, waits deferred 1-2, runs 2-2");
  EXPECT_EQ(find(timeline, "inline")->kind, "generator");
  EXPECT_EQ(spans_of(timeline, "looping call"),
            "runs 0-0, waits timer 0-1, runs 1-1, waits timer 1-2, runs 2-2");
  EXPECT_EQ(spans_of(timeline, "callback 3"), "waits timer 0-1, runs 1-1");
}

TEST(Recorder, AFiberMayBeNamedLaterAndANameIsNeverEmpty) {
  const Timeline timeline = recorded([] {
    auto late = spawn([] {}).named("late");
    auto other = spawn([](std::string) {}, "");
    join_all<void>({late, other});
    create_task(sleeper("argument", 0s), "own name");
    run(sleeper("x", 1s));
    Generator<> nobody = [](int) -> Generator<> { co_yield {}; }(1);
    nobody.next();
  });
  EXPECT_NE(find(timeline, "late"), nullptr);
  EXPECT_NE(find(timeline, "fiber-2"), nullptr);
  EXPECT_NE(find(timeline, "own name"), nullptr);
  EXPECT_EQ(find(timeline, "argument"), nullptr);
  EXPECT_NE(find(timeline, "generator 1"), nullptr);
}

// --- Threads ------------------------------------------------------------------------------------

TEST(Recorder, HearsOfEveryThreadAndOfSeveralLoops) {
  Recorder recorder;
  std::vector<std::thread> threads;
  for (const char* name : {"first", "second", "third"}) {
    threads.emplace_back([name] {
      Reactor loop;
      VirtualTime virtual_time;
      run(sleeper(name, 1h));
    });
  }
  for (std::thread& thread : threads) thread.join();
  const Timeline timeline = recorder.stop();
  expect_sound(timeline);
  EXPECT_EQ(std::ranges::count(timeline.actors, "main", &Actor::name), 3);
  EXPECT_EQ(std::ranges::count(timeline.actors, "thread", &Actor::kind), 4);
  std::vector<unsigned> numbers;
  for (const Actor& actor : timeline.actors) {
    if (actor.kind == "task") numbers.push_back(actor.thread);
  }
  std::ranges::sort(numbers);
  EXPECT_EQ(numbers, (std::vector<unsigned>{2, 3, 4}));
  EXPECT_GE(timeline.length, 1h);
}

TEST(Recorder, AThreadOfAPoolRunsItsJobAndWaitsForAnother) {
  Reactor loop;
  Recorder recorder;
  {
    ThreadPool pool(1);
    await(offload([] { const Blocking blocking("disk"); }, pool));
  }
  const Timeline timeline = recorder.stop();
  const Actor* worker = find(timeline, "thread 2");
  ASSERT_NE(worker, nullptr);
  std::string states = spans_of(*worker);
  EXPECT_NE(states.find("blocks disk"), states.npos) << states;
  EXPECT_NE(spans_of(timeline, "main program").find("waits a thread"), states.npos);
}

TEST(Recorder, LeavesOutAThreadThatIsNoPartOfThePlay) {
  Recorder recorder;
  std::thread([] {
    Recorder::leave_out_this_thread();
    const Activity activity("scenery");
    const Blocking blocking("nothing");
  }).join();
  const Timeline timeline = recorder.stop();
  EXPECT_EQ(timeline.actors.size(), 1u);
}

TEST(Recorder, NothingIsLostWhileManyThreadsWriteAtOnce) {
  constexpr int kThreads = 4;
  constexpr int kPieces = 2000;
  Recorder recorder;
  std::vector<std::thread> threads;
  for (int i = 0; i < kThreads; ++i) {
    threads.emplace_back([] {
      for (int piece = 0; piece < kPieces; ++piece) const Activity activity("piece");
    });
  }
  for (std::thread& thread : threads) thread.join();
  const Timeline timeline = recorder.stop();
  expect_sound(timeline);
  EXPECT_EQ(timeline.dropped, 0u);
  EXPECT_EQ(std::ranges::count(timeline.actors, "piece", &Actor::name), kThreads * kPieces);
}

// Run it under ThreadSanitizer, too.
TEST(Recorder, MayBeStoppedWhileOthersSpeakToIt) {
  std::atomic<bool> over{false};
  std::vector<std::thread> threads;
  for (int i = 0; i < 3; ++i) {
    threads.emplace_back([&over] {
      while (!over) {
        const Activity activity("busy");
        const Blocking blocking("a moment");
      }
    });
  }
  for (int i = 0; i < 50; ++i) {
    Recorder recorder({.events = 1000});
    std::this_thread::yield();
    expect_sound(recorder.stop());
  }
  over = true;
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(observer(), nullptr);
}

// --- The buffer, and the recorder's own life ----------------------------------------------------

TEST(Recorder, AFullBufferCountsWhatItDropsAndTheTimelineEndsThere) {
  const Timeline timeline = recorded(
      [] {
        for (int i = 0; i < 5; ++i) {
          const Activity activity("piece");  // three moments each
          Clock::sleep_for(1s);              // two
        }
      },
      {.title = {}, .events = 7});
  EXPECT_EQ(timeline.dropped, 5u * 5 - 7);
  EXPECT_EQ(timeline.length, 1s);
  EXPECT_EQ(std::ranges::count(timeline.actors, "piece", &Actor::name), 2);
  EXPECT_NE(chart(timeline).find("18 more events were dropped"), std::string::npos);
}

TEST(Recorder, ThereIsOneAtATimeAndItPutsBackWhoWasThereBefore) {
  EXPECT_EQ(observer(), nullptr);
  {
    Recorder recorder;
    EXPECT_NE(observer(), nullptr);
    EXPECT_THROW(Recorder(), std::logic_error);
    EXPECT_NE(observer(), nullptr);
    recorder.stop();
    EXPECT_EQ(observer(), nullptr);
    EXPECT_TRUE(recorder.stop().actors.empty());
    Recorder next;
    EXPECT_NE(observer(), nullptr);
  }
  EXPECT_EQ(observer(), nullptr);
}

TEST(Recorder, WhatWasThereBeforeItIsPassedOver) {
  Reactor loop;
  Generator<> early = blocker("early", 3);
  std::optional<Recorder> before(std::in_place);
  Generator<> other = blocker("other", 3);
  before.reset();
  VirtualTime virtual_time;
  Recorder recorder;
  early.next();
  other.next();
  const Timeline timeline = recorder.stop();
  EXPECT_EQ(timeline.actors.size(), 1u);
  EXPECT_EQ(timeline.length, 2s);
}

TEST(Recorder, AForkedChildRecordsNothingAndIsNotHeldUp) {
  Recorder recorder;
  const pid_t child = ::fork();
  if (child == 0) {
    const Activity activity("in the child");
    const bool quiet = observer() == nullptr && recorder.stop().actors.empty();
    ::_exit(quiet ? 0 : 1);
  }
  int status = -1;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  EXPECT_EQ(status, 0);
  EXPECT_EQ(recorder.stop().actors.size(), 1u);
}

TEST(Recorder, TimeThatGoesBackIsHeldUntilItHasCaughtUp) {
  Recorder recorder;
  {
    VirtualTime virtual_time;
    const Activity activity("far away");
    Clock::sleep_for(24h);
  }
  { const Activity activity("back again"); }
  const Timeline timeline = recorder.stop();
  expect_sound(timeline);
  EXPECT_GE(timeline.length, 24h);
  EXPECT_GE(find(timeline, "back again")->spans.front().from, 24h);
}

// --- The chart ----------------------------------------------------------------------------------

// A blocks for two seconds, then B runs for two while A is ready; C waits, and runs for a moment.
Timeline schedule() {
  Timeline timeline;
  timeline.title = "schedule";
  timeline.length = 4s;
  timeline.actors = {
      {1, "fiber", "A", 1, {{State::blocks, 0s, 2s, "sleep"}, {State::ready, 2s, 4s, ""}}},
      {2, "fiber", "B", 1, {{State::waits, 0s, 2s, "lock"}, {State::runs, 2s, 4s, ""}}},
      {3,
       "task",
       "C",
       1,
       {{State::waits, 0s, 1s, "lock"}, {State::runs, 1s, 1s, ""}, {State::waits, 1s, 3s, "q"}}}};
  return timeline;
}

TEST(Chart, AKnownScheduleGivesTheKnownChart) {
  EXPECT_EQ(chart(schedule(), {.width = 43}),
            "Timeline of schedule: 4 s, 2 fibers, 1 task\n"
            "  │0        │1 s      │2 s      │3 s\n"
            "A ▒▒ sleep ▒▒▒▒▒▒▒▒▒▒▒▄▄▄▄▄▄▄▄▄▄▄▄▄▄▄▄▄▄▄▄\n"
            "B ── lock ────────────████████████████████\n"
            "C ── lock ──┃─ q ───────────────\n"
            "  █ runs (┃ for a moment)\n"
            "  ▒ blocks the thread: sleep\n"
            "  ▄ ready, not running\n"
            "  ─ waits: lock, q\n");
}

TEST(Chart, InAsciiItSaysTheSame) {
  Timeline timeline = schedule();
  timeline.actors[2].name = "Zoë";
  timeline.title = "\x1b[2J";
  EXPECT_EQ(chart(timeline, {.width = 45, .utf8 = false}),
            "Timeline of ?[2J: 4 s, 2 fibers, 1 task\n"
            "    |0        |1 s      |2 s      |3 s\n"
            "A   XX sleep XXXXXXXXXXX====================\n"
            "B   -- lock ------------####################\n"
            "Zo? -- lock --|- q ---------------\n"
            "  # runs (| for a moment)\n"
            "  X blocks the thread: sleep\n"
            "  = ready, not running\n"
            "  - waits: lock, q\n");
}

// The chart without its escape sequences.
std::string without_colours(std::string text) {
  for (std::size_t at; (at = text.find("\x1b[")) != text.npos;)
    text.erase(at, text.find('m', at) + 1 - at);
  return text;
}

TEST(Chart, ColoursChangeNothingElseAndEndWithTheLine) {
  const std::string coloured = chart(schedule(), {.width = 60, .colour = true});
  EXPECT_NE(coloured, chart(schedule(), {.width = 60}));
  EXPECT_EQ(without_colours(coloured), chart(schedule(), {.width = 60}));
  EXPECT_EQ(coloured.find("\x1b[31m▒▒\x1b[m sleep \x1b[31m▒"), coloured.find("\x1b[31m"));
  for (std::size_t end = coloured.find('\n'); end != coloured.npos;
       end = coloured.find('\n', end + 1)) {
    const std::size_t last = coloured.rfind("\x1b[", end);
    if (last == coloured.npos) continue;
    EXPECT_EQ(coloured.substr(last, 3), "\x1b[m");
  }
}

std::vector<std::string> lines_of(const std::string& text) {
  std::vector<std::string> lines;
  for (std::size_t from = 0, end; (end = text.find('\n', from)) != text.npos; from = end + 1)
    lines.push_back(text.substr(from, end - from));
  return lines;
}

TEST(Chart, NoLineIsWiderThanItMayBe) {
  Timeline timeline = schedule();
  for (int i = 0; i < 100; ++i) {
    timeline.actors.push_back({10u + i, "task",
                               "a name that is very long, number 世界 " + std::to_string(i), 2,
                               schedule().actors[2].spans});
    timeline.actors.back().spans[0].label = "label " + std::to_string(i);
  }
  timeline.dropped = 123456789;
  for (nanoseconds length : {nanoseconds(0), nanoseconds(1), nanoseconds(999), nanoseconds(4s),
                             nanoseconds(61s), nanoseconds(12h), nanoseconds(24h * 300)}) {
    timeline.length = length;
    for (std::size_t width : {1u, 40u, 41u, 57u, 60u, 80u, 119u, 120u, 333u}) {
      for (bool utf8 : {false, true}) {
        for (const std::string& line : lines_of(chart(timeline, {.width = width, .utf8 = utf8})))
          EXPECT_LE(columns(line), std::max<std::size_t>(width, 40)) << line;
      }
    }
  }
}

TEST(Chart, SaysHowManyHaveNoPlace) {
  Timeline timeline = schedule();
  for (int i = 0; i < 100; ++i) timeline.actors.push_back(timeline.actors[0]);
  const std::string text = chart(timeline, {.rows = 10});
  EXPECT_NE(text.find("93 more are not shown"), text.npos) << text;
  EXPECT_EQ(lines_of(text).size(), 2u + 10 + 4 + 1);
}

TEST(Chart, WhoHadTheThreadForAMomentInTwelveHoursIsSeen) {
  Timeline timeline;
  timeline.length = 12h;
  Actor actor{1, "task", "quick", 1, {}};
  nanoseconds at{0};
  for (int i = 0; i < 12; ++i) {
    actor.spans.push_back({State::waits, at, at + 30min, "timer"});
    actor.spans.push_back({State::runs, at + 30min, at + 30min + 1us, ""});
    actor.spans.push_back({State::waits, at + 30min + 1us, at + 1h, "timer"});
    at += 1h;
  }
  timeline.actors.push_back(actor);
  for (std::size_t width : {40u, 60u, 80u, 120u, 200u}) {
    const std::string text = chart(timeline, {.width = width, .utf8 = false});
    const std::string row = lines_of(text)[2];
    EXPECT_EQ(std::ranges::count(row, '|'), 12) << text;
    EXPECT_EQ(std::ranges::count(row, '#'), 0) << text;
  }
}

TEST(Chart, AnEmptyTimelineIsALineAndAnAxis) {
  EXPECT_EQ(chart(Timeline(), {.utf8 = false}), "Timeline: 0 s\n |0\n");
}

// --- The terminal -------------------------------------------------------------------------------

class Environment {
 public:
  Environment(const char* name, const char* value) : name_(name) {
    if (const char* before = std::getenv(name)) before_ = before;
    if (value != nullptr)
      ::setenv(name, value, 1);
    else
      ::unsetenv(name);
  }
  ~Environment() {
    if (before_)
      ::setenv(name_, before_->c_str(), 1);
    else
      ::unsetenv(name_);
  }

 private:
  const char* name_;
  std::optional<std::string> before_;
};

TEST(ChartOptionsFor, AsksTheEnvironmentWhereThereIsNoTerminal) {
  int ends[2];
  ASSERT_EQ(::pipe(ends), 0);
  const Environment all("LC_ALL", nullptr);
  const Environment type("LC_CTYPE", nullptr);
  {
    const Environment width("COLUMNS", "97");
    const Environment language("LANG", "de_DE.UTF-8");
    const ChartOptions options = chart_options_for(ends[1]);
    EXPECT_EQ(options.width, 97u);
    EXPECT_FALSE(options.colour);
    EXPECT_TRUE(options.utf8);
    const Environment first("LC_ALL", "C");
    EXPECT_FALSE(chart_options_for(ends[1]).utf8);
  }
  for (const char* wrong : {"", "0", "-1", "80x", "99999999999999999999"}) {
    const Environment width("COLUMNS", wrong);
    EXPECT_EQ(chart_options_for(ends[1]).width, 80u) << wrong;
  }
  const Environment language("LANG", nullptr);
  EXPECT_FALSE(chart_options_for(ends[1]).utf8);
  ::close(ends[0]);
  ::close(ends[1]);
}

}  // namespace
}  // namespace simul::trace
