// Which rows a drawing has, where its ticks are, what its names may contain, and which marks stand
// for spans that are too short to be seen.
#include "runtime/trace/layout.hpp"

#include <algorithm>
#include <random>

#include "runtime/json/utf8.hpp"
#include "runtime/trace/marks.hpp"

namespace simul::trace {
namespace {

using std::chrono::nanoseconds;
using namespace std::chrono_literals;

Actor actor(std::string kind, std::string name, std::vector<Span> spans, unsigned thread = 1) {
  static std::uint64_t id = 0;
  return {++id, std::move(kind), std::move(name), thread, std::move(spans)};
}

std::vector<std::string> names(const Rows& rows) {
  std::vector<std::string> out;
  for (const Row& row : rows.rows) out.push_back(row.name);
  return out;
}

using Names = std::vector<std::string>;

// ---- Rows
// ----------------------------------------------------------------------------------------

TEST(Rows, AreTheActorsByThreadAndAge) {
  Timeline timeline;
  timeline.actors = {actor("task", "b", {{State::runs, 0s, 1s}}, 2),
                     actor("fiber", "a", {{State::runs, 1s, 2s}}, 1),
                     actor("generator", "c", {{State::runs, 2s, 3s}}, 1)};
  const Rows rows = rows_of(timeline, 10);
  EXPECT_EQ(names(rows), (Names{"a", "c", "b"}));
  EXPECT_EQ(rows.threads, 2U);
  EXPECT_EQ(rows.not_shown, 0U);
}

TEST(Rows, AnActorThatDidNothingHasNone) {
  Timeline timeline;
  timeline.actors = {actor("task", "nothing", {}), actor("task", "x", {{State::waits, 0s, 1s}})};
  EXPECT_EQ(names(rows_of(timeline, 10)), Names{"x"});
  EXPECT_EQ(rows_of(timeline, 10).not_shown, 0U);
}

TEST(Rows, CallbacksWithoutANameShareOneAndSoDoThoseOfOneName) {
  Timeline timeline;
  timeline.actors = {actor("callback", "callback 1", {{State::runs, 0s, 1s}}),
                     actor("callback", "hello", {{State::runs, 1s, 2s}}),
                     actor("callback", "callback 3", {{State::runs, 2s, 3s}}),
                     actor("callback", "hello", {{State::runs, 3s, 4s}}),
                     actor("task", "task 5", {{State::runs, 4s, 5s}}),
                     actor("task", "task 6", {{State::runs, 5s, 6s}})};
  const Rows rows = rows_of(timeline, 10);
  EXPECT_EQ(names(rows), (Names{"callbacks", "hello", "task 5", "task 6"}));
  EXPECT_EQ(rows.rows[0].actors, 2U);
  EXPECT_EQ(rows.rows[1].spans.size(), 2U);
}

TEST(Rows, TheStrongestStateOfThoseWhoShareOneIsSeen) {
  Timeline timeline;
  timeline.actors = {actor("callback", "callback 1", {{State::waits, 0s, 4s, "timer"}}),
                     actor("callback", "callback 2", {{State::runs, 1s, 2s}}),
                     actor("callback", "callback 3", {{State::ready, 3s, 6s}}),
                     actor("callback", "callback 4", {{State::runs, 5s, 5s}})};
  const Rows rows = rows_of(timeline, 10);
  ASSERT_EQ(rows.rows.size(), 1U);
  std::string seen;
  for (const Span& span : rows.rows[0].spans) {
    seen += std::string(1, "rbyw"[static_cast<int>(span.state)]) + std::to_string(span.from / 1s) +
            std::to_string(span.to / 1s) + " ";
  }
  EXPECT_EQ(seen, "w01 r12 w23 y35 r55 y56 ");
}

TEST(Rows, WhereThereIsNoRoomCallbacksGoFirstAndTheyAreCounted) {
  Timeline timeline;
  timeline.actors = {actor("callback", "callback 1", {{State::runs, 0s, 9s}}),
                     actor("callback", "callback 2", {{State::runs, 0s, 9s}}),
                     actor("task", "task 3", {{State::runs, 0s, 8s}}),
                     actor("task", "short", {{State::runs, 0s, 1s}}),
                     actor("task", "long", {{State::runs, 1s, 3s}})};
  EXPECT_EQ(names(rows_of(timeline, 3)), (Names{"task 3", "short", "long"}));
  EXPECT_EQ(rows_of(timeline, 3).not_shown, 2U);
  EXPECT_EQ(names(rows_of(timeline, 2)), (Names{"short", "long"}));
  EXPECT_EQ(names(rows_of(timeline, 1)), Names{"long"});
  EXPECT_EQ(rows_of(timeline, 1).not_shown, 4U);
  EXPECT_EQ(rows_of(timeline, 0).not_shown, 5U);
}

// Whatever was recorded, a drawing may rely on the order of a row's spans.
TEST(Rows, SpansAreInOrderWhateverTheTimelineSays) {
  std::mt19937 random(20);
  for (int round = 0; round < 200; ++round) {
    Timeline timeline;
    for (int a = 0; a < 3; ++a) {
      std::vector<Span> spans;
      for (int i = 0; i < 12; ++i) {
        const auto time = [&] { return nanoseconds(static_cast<int>(random() % 40) - 5); };
        spans.push_back({static_cast<State>(random() % 4), time(), time(), "x"});
      }
      timeline.actors.push_back(actor(a == 0 ? "task" : "callback", "n", std::move(spans)));
    }
    for (const Row& row : rows_of(timeline, 9).rows) {
      nanoseconds now = 0ns;
      for (const Span& span : row.spans) {
        ASSERT_LE(now, span.from);
        ASSERT_LE(span.from, span.to);
        now = span.to;
      }
      ASSERT_LE(now, extent(timeline));
    }
  }
}

TEST(Waits, ForAnotherOrForTimeAndInput) {
  for (const char* label :
       {"sleep", "sleep (patched)", "readable or writable", "name look-up", "a thread", "alone"})
    EXPECT_FALSE(waits_for_another(label)) << label;
  for (const char* label : {"queue.get", "lock", "event", "yield", "task", "a connection", ""})
    EXPECT_TRUE(waits_for_another(label)) << label;
}

// ---- Ticks and times
// -----------------------------------------------------------------------------

Names labels(nanoseconds length, std::size_t at_most) {
  Names out;
  for (const Tick& tick : ticks(length, at_most)) out.push_back(tick.label);
  return out;
}

TEST(Ticks, AreRoundFromNanosecondsToDays) {
  EXPECT_EQ(labels(0ns, 8), Names{"0"});
  EXPECT_EQ(labels(5ns, 5), (Names{"0", "1 ns", "2 ns", "3 ns", "4 ns", "5 ns"}));
  EXPECT_EQ(labels(1234us, 4), (Names{"0", "500 µs", "1000 µs"}));
  EXPECT_EQ(labels(17s, 4), (Names{"0", "5 s", "10 s", "15 s"}));
  EXPECT_EQ(labels(100s, 4), (Names{"0", "30 s", "60 s", "90 s"}));
  EXPECT_EQ(labels(61min, 8),
            (Names{"0", "10 min", "20 min", "30 min", "40 min", "50 min", "60 min"}));
  EXPECT_EQ(labels(12h, 4), (Names{"0", "3 h", "6 h", "9 h", "12 h"}));
  EXPECT_EQ(labels(72h, 3), (Names{"0", "1 d", "2 d", "3 d"}));
}

TEST(Ticks, AreEvenAndNeverMoreThanAsked) {
  std::mt19937_64 random(3);
  for (int round = 0; round < 2000; ++round) {
    const nanoseconds length(static_cast<std::int64_t>(random() >> (1 + random() % 62)));
    const std::size_t at_most = 1 + random() % 20;
    const std::vector<Tick> found = ticks(length, at_most);
    ASSERT_LE(found.size(), at_most + 1) << length.count();
    for (std::size_t i = 0; i < found.size(); ++i) {
      ASSERT_EQ(found[i].at, found.size() < 2 ? 0ns : found[1].at * static_cast<std::int64_t>(i));
      ASSERT_LE(found[i].at, length);
    }
    if (at_most >= 4 && length > 4ns) {
      ASSERT_GE(found.size(), 2U) << length.count();
    }
  }
  EXPECT_LE(ticks(nanoseconds::max(), 1).size(), 2U);
}

TEST(TimeLabel, HasAThousandthOfItsUnitAndNoNoughts) {
  EXPECT_EQ(time_label(-1s), "0 s");
  EXPECT_EQ(time_label(0ns), "0 s");
  EXPECT_EQ(time_label(5ns), "5 ns");
  EXPECT_EQ(time_label(1'250ns), "1.25 µs");
  EXPECT_EQ(time_label(999'999ns), "999.999 µs");
  EXPECT_EQ(time_label(12'345'678ns), "12.346 ms");
  EXPECT_EQ(time_label(999'999'600ns), "1 s");
  EXPECT_EQ(time_label(1'007'000'000ns), "1.007 s");
  EXPECT_EQ(time_label(59'999'900'000ns), "1 min");
  EXPECT_EQ(time_label(125s), "2 min 5 s");
  EXPECT_EQ(time_label(12h), "12 h");
  EXPECT_EQ(time_label(1h + 500ms), "1 h 0.5 s");
}

// ---- Names
// ---------------------------------------------------------------------------------------

TEST(Printable, NothingSteersATerminalOrTurnsALine) {
  EXPECT_EQ(printable("plain, Größe, 日本"), "plain, Größe, 日本");
  EXPECT_EQ(printable("a\x1b[2Jb\nc\rd\x7f"), "a�[2Jb�c�d�");
  EXPECT_EQ(printable("\xC2\x9B"), "�");  // CSI in one character
  EXPECT_EQ(printable("\xE2\x80\xAE"
                      "abc"),
            "�abc");  // right-to-left override
  EXPECT_EQ(printable("\xFF\xC3"), "��");
  for (char control = 0; control < 0x20; ++control) EXPECT_EQ(printable({&control, 1}), "�");
  EXPECT_EQ(printable("\xEF\xBF\xBE"), "�");  // U+FFFE, which XML forbids
}

TEST(Fitted, IsNeverWiderThanAskedAndStaysWhole) {
  EXPECT_EQ(fitted("Task One", 8), "Task One");
  EXPECT_EQ(fitted("Task One", 7), "Task O…");
  EXPECT_EQ(fitted("日本語", 5), "日本…");
  EXPECT_EQ(fitted("日本語", 4), "日…");
  EXPECT_EQ(fitted("", 3), "");
  std::mt19937 random(5);
  for (int round = 0; round < 3000; ++round) {
    std::string name;
    for (std::size_t i = random() % 30; i > 0; --i) {
      if (random() % 3 == 0) {
        json::append_utf8(name, static_cast<unsigned>(random() % 0xD800));
      } else {
        name += static_cast<char>(random());
      }
    }
    const std::size_t width = 1 + random() % 20;
    const std::string cut = fitted(name, width);
    ASSERT_LE(columns(cut), width);
    ASSERT_EQ(printable(cut), cut);
  }
  std::string accents = "a";
  for (int i = 0; i < 10'000; ++i) accents += "\xCC\x81";
  EXPECT_LT(fitted(accents, 10).size(), 200U) << "marks take no column, but room in the file";
}

// ---- Cells and marks
// -----------------------------------------------------------------------------

TEST(Cells, HoldAllOfTheTimeAndEveryMoment) {
  std::mt19937 random(11);
  for (int round = 0; round < 300; ++round) {
    Row row;
    nanoseconds now{}, spent{};
    for (int i = 0; i < 20; ++i) {
      now += nanoseconds(random() % 50);
      const nanoseconds length(random() % 3 == 0 ? 0 : random() % 900);
      row.spans.push_back({State::runs, now, now + length});
      now += length;
      spent += length;
    }
    nanoseconds sum{};
    std::size_t touched = 0;
    for (const Cell& cell : cells(row, now, 1 + random() % 200)) {
      sum += cell.in(State::runs);
      touched += cell.times[0];
      ASSERT_EQ(cell.empty(), !cell.has(State::runs));
    }
    ASSERT_EQ(sum, spent);
    ASSERT_GE(touched, row.spans.size());
  }
}

TEST(Cells, TheLongestStateIsTheOneThatTookMost) {
  const Row row{.spans = {{State::runs, 0ns, 2ns},
                          {State::waits, 2ns, 10ns},
                          {State::runs, 10ns, 10ns},
                          {State::waits, 10ns, 20ns},
                          {State::runs, 30ns, 30ns}}};
  const std::vector<Cell> found = cells(row, 40ns, 4);
  ASSERT_EQ(found.size(), 4U);
  EXPECT_EQ(found[0].longest(), State::waits);
  EXPECT_TRUE(found[1].has(State::runs));
  EXPECT_EQ(found[1].in(State::waits), 10ns);
  EXPECT_TRUE(found[2].empty());
  EXPECT_EQ(found[3].longest(), State::runs);
}

TEST(Marks, ManyShortTurnsBecomeOneThatSaysHowFullItIs) {
  Row row;
  for (int i = 0; i < 10'000; ++i) {
    row.spans.push_back({State::runs, i * 10us, i * 10us + 2us});
    row.spans.push_back({State::waits, i * 10us + 2us, i * 10us + 10us, "lock"});
  }
  const Marks marks = marks_of(row, 1ms);
  ASSERT_EQ(marks.foreground.size(), 1U);
  EXPECT_EQ(marks.foreground[0].times, 10'000U);
  EXPECT_EQ(marks.foreground[0].spent, 20ms);
  EXPECT_NEAR(marks.foreground[0].share(), 0.2, 0.01);
  ASSERT_EQ(marks.background.size(), 1U);
  EXPECT_EQ(marks.background[0].label, "lock");
}

TEST(Marks, AMomentBetweenTwoWaitsStaysOne) {
  const Row row{.spans = {{State::waits, 0s, 1s, "sleep"},
                          {State::ready, 1s, 1s},
                          {State::runs, 1s, 1s},
                          {State::waits, 1s, 2s, "sleep"}}};
  const Marks marks = marks_of(row, 10ms);
  ASSERT_EQ(marks.foreground.size(), 1U);
  EXPECT_EQ(marks.foreground[0].from, 1s);
  EXPECT_EQ(marks.foreground[0].share(), 1);
  EXPECT_EQ(marks.background.size(), 2U);
}

TEST(Marks, AShortRunBesideALongBlockIsSeenInIt) {
  const Row row{.spans = {{State::runs, 0s, 1us}, {State::blocks, 1us, 1s, "sleep"}}};
  const Marks marks = marks_of(row, 10ms);
  ASSERT_EQ(marks.foreground.size(), 1U);
  EXPECT_EQ(marks.foreground[0].state, State::blocks);
}

TEST(Marks, AreInOrderAndForgetNoTime) {
  std::mt19937 random(23);
  for (int round = 0; round < 300; ++round) {
    Row row;
    nanoseconds now{};
    for (int i = 0; i < 60; ++i) {
      const nanoseconds length(random() % (random() % 2 == 0 ? 20 : 2000));
      row.spans.push_back({static_cast<State>(2 * (random() % 2)), now, now + length});
      now += length + nanoseconds(1 + random() % 100);
    }
    const Marks marks = marks_of(row, 100ns);
    for (const auto* layer : {&marks.foreground, &marks.background}) {
      nanoseconds end{}, spent{}, wanted{};
      for (const Mark& mark : *layer) {
        ASSERT_LE(end, mark.from);
        ASSERT_LE(mark.from, mark.to);
        ASSERT_LE(mark.spent, mark.to - mark.from);
        end = mark.to;
        spent += mark.spent;
      }
      for (const Span& span : row.spans) {
        if ((span.state == State::runs) == (layer == &marks.foreground))
          wanted += span.to - span.from;
      }
      ASSERT_EQ(spent, wanted);
    }
  }
}

}  // namespace
}  // namespace simul::trace
