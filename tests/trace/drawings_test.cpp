// The picture of a timeline and its JSON: what must be in them, and what no name or time can break.
#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <random>
#include <set>
#include <sstream>

#include "runtime/json/json.hpp"
#include "runtime/trace/chrome.hpp"
#include "runtime/trace/svg.hpp"
#include "runtime/trace/svg_style.hpp"
#include "tests/project/project.hpp"
#include "tests/trace/xml.hpp"

namespace simul::trace {
namespace {

using std::chrono::nanoseconds;
using testing::Element;
using testing::XmlReader;
using namespace std::chrono_literals;

// ---- What is in a picture
// ------------------------------------------------------------------------

struct Figure {
  char style = ' ';  // r, b, y, w, o
  double left = 0, top = 0, right = 0, bottom = 0;
  std::string title{};
};

double length_of(const std::string& text) {
  return static_cast<double>(text.size()) * 0.5;
}

// A picture, read back: its marks and words. Fails where something lies outside.
struct Seen {
  Element root{};
  std::vector<Figure> marks{};
  std::vector<std::string> texts{};
  std::string title{}, description{};

  explicit Seen(const std::string& svg) : root(XmlReader::read(svg)) {
    std::set<std::string> ids;
    root.walk([&ids](const Element& element) {
      const std::string id = element.at("id");
      EXPECT_TRUE(id.empty() || ids.insert(id).second) << "given twice: " << id;
    });
    std::istringstream box(root.at("viewBox"));
    double x = 1, y = 1, width = 0, height = 0;
    box >> x >> y >> width >> height;
    EXPECT_EQ(x, 0);
    EXPECT_EQ(y, 0);
    const auto inside = [&](double left, double top, double right, double bottom,
                            const auto& what) {
      EXPECT_TRUE(left >= 0 && top >= 0 && left <= right && top <= bottom && right <= width &&
                  bottom <= height)
          << what << ": " << left << " " << top << " " << right << " " << bottom;
    };
    for (const Element& child : root.children) {
      if (child.name == "title") title = child.text;
      if (child.name == "desc") description = child.text;
      if (child.name == "text") {
        texts.push_back(child.text);
        inside(child.number("x") - (child.at("class") == "tick" ? length_of(child.text) : 0),
               child.number("y") - 10, child.number("x"), child.number("y") + 4, child.text);
      }
      std::vector<Figure> figures;
      if (child.name == "rect") {
        figures.push_back({child.at("class")[0], child.number("x"), child.number("y"),
                           child.number("x") + child.number("width"),
                           child.number("y") + child.number("height")});
      } else if (child.name == "path" && child.at("class") != "grid") {
        // M x y h width v height h -width z, again and again
        std::istringstream path(child.at("d"));
        char m = 0, h = 0, v = 0, z = 0;
        double left = 0, top = 0, wide = 0, high = 0, back = 0;
        while (path >> m >> left >> top >> h >> wide >> v >> high >> h >> back >> z) {
          EXPECT_EQ(wide, -back);
          figures.push_back({child.at("class")[0], left, top, left + wide, top + high});
        }
        EXPECT_TRUE(path.eof());
      }
      for (Figure& figure : figures) {
        inside(figure.left, figure.top, figure.right, figure.bottom, child.at("class"));
        if (child.children.empty()) continue;  // the page, and the legend
        figure.title = child.children.at(0).text;
        marks.push_back(figure);
      }
    }
  }

  std::vector<Figure> of(char style) const {
    std::vector<Figure> out;
    std::copy_if(marks.begin(), marks.end(), std::back_inserter(out),
                 [style](const Figure& f) { return f.style == style; });
    return out;
  }
  bool says(const std::string& words) const {
    return std::find(texts.begin(), texts.end(), words) != texts.end();
  }
};

Timeline two_tasks() {
  return {
      .title = "two tasks",
      .actors = {{1, "task", "One", 1, {{State::runs, 0s, 5s}, {State::waits, 5s, 10s, "sleep"}}},
                 {2,
                  "task",
                  "Two",
                  1,
                  {{State::ready, 0s, 5s},
                   {State::runs, 5s, 5s},
                   {State::waits, 5s, 7s, "queue.get"},
                   {State::blocks, 7s, 10s, "sleep"}}}},
      .length = 10s};
}

TEST(Svg, AKnownTimelineGivesKnownMarks) {
  const Seen seen(svg(two_tasks()));
  ASSERT_EQ(seen.of('r').size(), 2U);
  ASSERT_EQ(seen.of('w').size(), 1U);
  ASSERT_EQ(seen.of('o').size(), 1U) << "for a queue, which others fill";
  ASSERT_EQ(seen.of('y').size(), 1U);
  ASSERT_EQ(seen.of('b').size(), 1U);
  const Figure run = seen.of('r')[0];
  const Figure wait = seen.of('w')[0];
  EXPECT_NEAR(run.right - run.left, wait.right - wait.left, 0.2);
  EXPECT_NEAR(run.right, wait.left, 0.2);
  EXPECT_EQ(run.title, "One runs: 5 s, from 0 s to 5 s");
  EXPECT_EQ(wait.title, "One waits (sleep): 5 s, from 5 s to 10 s");
  EXPECT_EQ(seen.of('y')[0].title, "Two is ready: 5 s, from 0 s to 5 s");
  EXPECT_EQ(seen.of('r')[1].title, "Two runs at 5 s");
  EXPECT_EQ(seen.of('b')[0].title, "Two blocks (sleep): 3 s, from 7 s to 10 s");
  EXPECT_NEAR((seen.of('b')[0].right - seen.of('b')[0].left) / (run.right - run.left), 0.6, 0.01);
  EXPECT_GT(seen.of('y')[0].top, run.bottom) << "a row for each";
  EXPECT_TRUE(seen.says("One") && seen.says("Two") && seen.says("6 s")) << "names and ticks";
}

TEST(Svg, SaysInWordsWhatIsSeen) {
  const Seen seen(svg(two_tasks()));
  EXPECT_EQ(seen.root.at("role"), "img");
  EXPECT_EQ(seen.root.at("aria-labelledby"), "t d");
  EXPECT_EQ(seen.title, "two tasks");
  EXPECT_EQ(seen.description,
            "2 rows over 10 s. One: runs 5 s, waits 5 s (sleep). "
            "Two: runs 1 time, blocks 3 s (sleep), is ready 5 s, waits 2 s (queue.get).");
}

TEST(Svg, AMomentIsSeenThoughItHasNoLength) {
  const Timeline timeline{.actors = {{1,
                                      "task",
                                      "One",
                                      1,
                                      {{State::waits, 0h, 6h, "timer"},
                                       {State::runs, 6h, 6h},
                                       {State::waits, 6h, 12h, "timer"}}},
                                     {2, "task", "Two", 1, {{State::runs, 12h, 12h}}}},
                          .length = 12h};
  const Seen seen(svg(timeline));
  ASSERT_EQ(seen.of('r').size(), 2U);
  for (const Figure& run : seen.of('r')) EXPECT_GE(run.right - run.left, 1.5);
  EXPECT_LE(seen.of('r')[1].right, seen.of('w')[1].right + 0.1) << "beyond the end of time";
  EXPECT_TRUE(seen.says("2 h") && seen.says("12 h"));
}

TEST(Svg, FiveNanosecondsFillThePictureToo) {
  const Timeline timeline{.actors = {{1, "task", "One", 1, {{State::runs, 1ns, 5ns}}}},
                          .length = 5ns};
  const Seen seen(svg(timeline));
  ASSERT_EQ(seen.of('r').size(), 1U);
  EXPECT_GT(seen.of('r')[0].right - seen.of('r')[0].left, 400);
  EXPECT_TRUE(seen.says("5 ns"));
}

TEST(Svg, NothingAtAllIsAPictureThatSaysSo) {
  const Seen seen(svg(Timeline{}));
  EXPECT_TRUE(seen.marks.empty());
  EXPECT_TRUE(seen.says("Nothing ran."));
  EXPECT_EQ(seen.title, "Timeline");
}

TEST(Svg, SaysWhatIsMissing) {
  Timeline timeline = two_tasks();
  timeline.dropped = 1'234'567;
  const Seen seen(svg(timeline, {.rows = 1}));
  EXPECT_TRUE(seen.says("Not recorded: 1,234,567 events, for which the recorder had no room."));
  EXPECT_TRUE(seen.says("Not shown: 1 more actor."));
  EXPECT_NE(seen.description.find("1,234,567 events"), std::string::npos);
}

TEST(Svg, StandsAlone) {
  const std::string picture = svg(two_tasks());
  EXPECT_EQ(picture.find("<script"), std::string::npos);
  EXPECT_EQ(picture.find("href"), std::string::npos);
  EXPECT_EQ(picture.find("@import"), std::string::npos);
  EXPECT_EQ(picture.find("@font-face"), std::string::npos);
  EXPECT_EQ(picture.find("http", picture.find("http") + 1), std::string::npos)
      << "but the namespace";
  for (std::size_t at = picture.find("url("); at != std::string::npos;
       at = picture.find("url(", at + 1)) {
    EXPECT_EQ(picture.substr(at, 5), "url(#");
    const std::string id = picture.substr(at + 5, picture.find(')', at) - at - 5);
    EXPECT_NE(picture.find(" id=\"" + id + "\""), std::string::npos) << id;
  }
  EXPECT_EQ(svg(two_tasks()), picture) << "the same timeline, the same bytes";
}

// Threads have their rows together, under their number.
TEST(Svg, ThreadsAreNamedWhereThereAreSeveral) {
  Timeline timeline = two_tasks();
  EXPECT_FALSE(Seen(svg(timeline)).says("thread 1"));
  timeline.actors[0].thread = 2;
  const Seen seen(svg(timeline));
  EXPECT_TRUE(seen.says("thread 1") && seen.says("thread 2"));
}

// ---- Hostile and huge
// ----------------------------------------------------------------------------

const char* const kHostile[] = {
    "</text></svg><script>alert(1)</script>",
    "\" onload=\"alert(1)",
    "a & b &amp; &#0; <!-- ]]>",
    "\x1b[31mred\x1b[0m\r\n\t\x01\x7f",
    "\xFF\xFE\xC0\x80\xED\xA0\x80",
    "\xEF\xBF\xBE\xEF\xBF\xBF",
    "\xE2\x80\xAEnever",
    "日本語 𝄞 👩‍👩‍👧",
    "",
};

TEST(Svg, NoNameBreaksIt) {
  Timeline timeline{.title = kHostile[0], .length = 1s};
  for (const char* name : kHostile) {
    timeline.actors.push_back({1, name, name, 1, {{State::waits, 0s, 1s, name}}});
    timeline.title += name;
  }
  timeline.actors.push_back({1, "task", std::string(1'000'000, '<'), 1, {{State::runs, 0s, 1s}}});
  timeline.actors.push_back({1, "task", std::string("\0x", 2), 1, {{State::runs, 0s, 1s}}});
  const std::string picture = svg(timeline);
  const Seen seen(picture);
  EXPECT_LT(picture.size(), 50'000U);
  EXPECT_EQ(seen.of('o').size() + seen.of('w').size(), std::size(kHostile));
  EXPECT_EQ(picture.find("<script"), std::string::npos);
}

// Of any kind: orderly and not, short and long, with names from anywhere.
Timeline random_timeline(std::mt19937_64& random) {
  Timeline timeline{.title = kHostile[random() % std::size(kHostile)]};
  const std::uint64_t scale = 1 + (random() >> (2 + random() % 61));
  const auto time = [&] { return nanoseconds(static_cast<std::int64_t>(random() % scale)); };
  timeline.length = time();
  timeline.dropped = random() % 2 == 0 ? 0 : random();
  const bool orderly = random() % 4 != 0;
  for (std::size_t a = random() % 60; a > 0; --a) {
    Actor actor{.id = random(),
                .kind = random() % 3 == 0 ? "callback" : "task",
                .name = random() % 2 == 0 ? "callback " + std::to_string(a)
                                          : kHostile[random() % std::size(kHostile)],
                .thread = static_cast<unsigned>(random() % 3)};
    nanoseconds now = time() / 2;
    for (std::size_t s = random() % 80; s > 0; --s) {
      const nanoseconds from = orderly ? now : time() - time();
      now = orderly ? now + (time() / 100) * static_cast<int>(random() % 2) : time() - time();
      actor.spans.push_back({static_cast<State>(random() % 4), from, now,
                             random() % 2 == 0 ? "" : kHostile[random() % std::size(kHostile)]});
      if (orderly && random() % 3 == 0) now += time() / 100;
    }
    timeline.actors.push_back(std::move(actor));
  }
  return timeline;
}

TEST(Svg, AnyTimelineIsWellFormedInsideAndSmallEnough) {
  std::mt19937_64 random(16);
  for (int round = 0; round < 50; ++round) {
    const Timeline timeline = random_timeline(random);
    const SvgLimits limits{.rows = 1 + random() % 50, .bytes = 8'000 + random() % 40'000};
    const std::string picture = svg(timeline, limits);
    ASSERT_LE(picture.size(), limits.bytes) << round;
    ASSERT_NO_THROW(Seen{picture}) << round;
    if (HasFailure()) FAIL() << "round " << round << "\n" << picture.substr(0, 2000);
  }
}

TEST(Svg, AHugeTimelineStaysUnderTheLimitAndCountsWhatIsNotShown) {
  Timeline timeline{.length = 1s};
  for (int a = 0; a < 500; ++a) {
    Actor actor{.id = 1, .kind = "task", .name = "worker " + std::to_string(a)};
    for (int i = 0; i < 100; ++i) {
      const nanoseconds from = i * 10ms + (a % 97) * 10us;
      actor.spans.push_back({State::runs, from, from + 2ms});
      actor.spans.push_back({State::waits, from + 2ms, from + 9ms, "readable"});
    }
    timeline.actors.push_back(std::move(actor));
  }
  const std::string picture = svg(timeline);
  EXPECT_LE(picture.size(), SvgLimits{}.bytes);
  const Seen seen(picture);
  EXPECT_GT(seen.marks.size(), 1'000U) << "smaller than it need be";
  EXPECT_TRUE(seen.says("Not shown: 460 more actors."));
}

// ---- Seen by everybody
// ---------------------------------------------------------------------------

TEST(SvgStyle, NoColourIsNeededToTellStatesApart) {
  std::map<char, Figure> mark;
  const Seen seen(svg(two_tasks()));
  for (const Figure& figure : seen.marks) mark[figure.style] = figure;
  const auto height = [&](char style) { return mark[style].bottom - mark[style].top; };
  EXPECT_GT(height('r'), 1.5 * height('y'));
  EXPECT_GT(height('y'), 1.5 * height('w'));
  EXPECT_EQ(height('b'), height('r'));
  EXPECT_NE(std::string(kStyleSheet).find(".o{fill:url(#dots)}"), std::string::npos) << "dots";
  EXPECT_NE(std::string(kStyleSheet).find(".b{fill:url(#stripes)}"), std::string::npos)
      << "stripes";
}

// WCAG 2.2: relative luminance and contrast ratio.
double luminance(const std::string& colour) {
  double out = 0;
  const double weight[] = {0.2126, 0.7152, 0.0722};
  for (std::size_t i = 0; i < 3; ++i) {
    const double c = std::stoi(colour.substr(1 + 2 * i, 2), nullptr, 16) / 255.0;
    out += weight[i] * (c <= 0.04045 ? c / 12.92 : std::pow((c + 0.055) / 1.055, 2.4));
  }
  return out;
}
double contrast(const std::string& a, const std::string& b) {
  const auto [low, high] = std::minmax({luminance(a), luminance(b)});
  return (high + 0.05) / (low + 0.05);
}

TEST(SvgStyle, MarksAndWordsStandOutInLightAndInDark) {
  const std::string sheet = kStyleSheet;
  const std::size_t middle = sheet.find("@media");
  ASSERT_NE(middle, std::string::npos);
  const std::string light = sheet.substr(0, middle), dark = sheet.substr(middle);
  for (const std::string& theme : {light, dark}) {
    const auto fill = [&theme](const std::string& rule) {
      const std::size_t at = theme.find("\n" + rule + "{");
      const std::size_t colour = theme.find("fill:#", at);
      return at == std::string::npos ? "#000000" : theme.substr(colour + 5, 7);
    };
    const std::string page = fill(".page");
    for (const char* rule : {".r", ".bf", ".y", ".w,.d"}) {
      EXPECT_GE(contrast(fill(rule), page), 3) << rule << fill(rule) << " on " << page;
    }
    for (const char* rule : {"text", ".key,.small,.tick"}) {
      EXPECT_GE(contrast(fill(rule), page), 4.5) << rule << fill(rule) << " on " << page;
    }
    EXPECT_GE(
        contrast(fill(".bf"), theme.substr(theme.find("stroke:#", theme.find("\n.bs{")) + 7, 7)),
        3);
  }
}

// Those that are kept in the repository come from real runs, and are looked at by everybody.
TEST(LessonPictures, AreSmallAndWellFormedAndTellNothingOfTheMachine) {
  std::vector<std::string> pictures = testing::files_below("lessons", {".svg"});
  // What a lesson has drawn of its own is not ours to read.
  std::erase_if(pictures, [](const std::string& path) { return !path.ends_with("timeline.svg"); });
  EXPECT_GE(pictures.size(), 16U);
  for (const std::string& path : pictures) {
    const std::string picture = testing::read_file(testing::root() / path);
    EXPECT_LE(picture.size(), SvgLimits{}.bytes) << path;
    EXPECT_FALSE(Seen(picture).marks.empty()) << path;
    for (const char* place : {"/tmp", "/home", "/root", "/usr", "/Users"}) {
      EXPECT_EQ(picture.find(place), std::string::npos) << path;
    }
  }
}

// ---- Chrome's trace events
// -----------------------------------------------------------------------

// The rules of the format, for what we write. Returns the tracks' names.
std::map<std::uint64_t, std::string> check_chrome(const std::string& text) {
  const json::Value document = json::parse(text);
  std::map<std::uint64_t, std::string> tracks;
  std::map<std::uint64_t, std::uint64_t> process_of;
  std::map<std::uint64_t, std::vector<std::pair<std::string, double>>> open;
  std::map<std::uint64_t, double> last;
  std::map<std::uint64_t, std::string> processes;
  for (const json::Value& event : document["traceEvents"].as_array()) {
    const std::string phase = event["ph"].as_string();
    const std::uint64_t pid = event["pid"].as_uint();
    if (phase == "M") {
      if (event["name"].as_string() == "process_name") {
        processes[pid] = event["args"]["name"].as_string();
      }
      if (event["name"].as_string() == "thread_name") {
        const std::uint64_t tid = event["tid"].as_uint();
        EXPECT_TRUE(tracks.emplace(tid, event["args"]["name"].as_string()).second);
        process_of[tid] = pid;
      }
      continue;
    }
    const std::uint64_t tid = event["tid"].as_uint();
    EXPECT_TRUE(tracks.contains(tid)) << "a track is named before it is used";
    EXPECT_EQ(process_of[tid], pid);
    const double now = event["ts"].as_double();
    EXPECT_GE(now, last[tid]) << "in order, on each track";
    last[tid] = now;
    if (phase == "B") {
      EXPECT_TRUE(open[tid].empty()) << "spans do not nest";
      const std::string category = event["cat"].as_string();
      EXPECT_TRUE(event["name"].as_string().starts_with(category));
      EXPECT_TRUE(event["args"].is_object());
      open[tid].emplace_back(category, now);
    } else {
      EXPECT_EQ(phase, "E");
      if (open[tid].empty()) {
        ADD_FAILURE() << "an end without a beginning";
      } else {
        open[tid].pop_back();
      }
    }
  }
  for (const auto& [tid, spans] : open) EXPECT_TRUE(spans.empty()) << "no end";
  for (const auto& [tid, name] : tracks) {
    EXPECT_FALSE(processes.contains(tid)) << "that would be a process's main thread";
    EXPECT_TRUE(processes.contains(process_of[tid]));
  }
  return tracks;
}

TEST(Chrome, AKnownTimelineGivesKnownEvents) {
  Timeline timeline = two_tasks();
  timeline.actors[0].spans[0].to = 5s + 7ns;
  timeline.actors[0].spans[1].from = 5s + 7ns;
  timeline.dropped = 3;
  const std::string text = chrome(timeline);
  const auto tracks = check_chrome(text);
  ASSERT_EQ(tracks.size(), 2U);
  EXPECT_EQ(tracks.begin()->second, "One");
  const json::Value document = json::parse(text);
  EXPECT_TRUE(text.starts_with("{\"traceEvents\":[")) << "how viewers know the format";
  EXPECT_EQ(document["otherData"]["dropped_events"].as_int(), 3);
  EXPECT_EQ(document["traceEvents"][0]["args"]["name"].as_string(), "two tasks (3 events dropped)");
  std::vector<std::string> events;
  for (const json::Value& event : document["traceEvents"].as_array()) {
    if (event["ph"].as_string() == "M") continue;
    events.push_back(event["ph"].as_string() + json::write(event["ts"]) +
                     (event.contains("name") ? event["name"].as_string() : ""));
  }
  EXPECT_EQ(events[0], "B0runs");
  EXPECT_EQ(events[1], "E5000000.007");
  EXPECT_EQ(events[2], "B5000000.007waits: sleep");
  EXPECT_EQ(events[3], "E10000000");
  EXPECT_EQ(events.size(), 12U);
}

TEST(Chrome, TwelveHoursAreKeptToTheNanosecond) {
  Timeline timeline{.actors = {{1, "task", "x", 1, {{State::runs, 12h - 1ns, 12h}}}},
                    .length = 12h};
  EXPECT_NE(chrome(timeline).find("\"ts\":43199999999.999"), std::string::npos);
}

TEST(Chrome, EachThreadIsAProcessOfItsOwn) {
  Timeline timeline = two_tasks();
  timeline.actors[1].thread = 4;
  const std::string text = chrome(timeline);
  check_chrome(text);
  EXPECT_NE(text.find("two tasks, thread 4"), std::string::npos);
}

TEST(Chrome, AnyTimelineKeepsTheRules) {
  std::mt19937_64 random(61);
  for (int round = 0; round < 20; ++round) {
    const Timeline timeline = random_timeline(random);
    EXPECT_EQ(check_chrome(chrome(timeline)).size(), timeline.actors.size());
    if (HasFailure()) FAIL() << "round " << round;
  }
  EXPECT_TRUE(check_chrome(chrome(Timeline{})).empty());
}

}  // namespace
}  // namespace simul::trace
