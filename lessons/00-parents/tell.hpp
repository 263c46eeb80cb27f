// How the programs of this lesson tell what happened: pictures of an evening, tables, flags.
//
// Nothing in here decides anything; on a first reading, leave it out.
#pragma once

#include <algorithm>
#include <chrono>
#include <functional>
#include <iomanip>
#include <map>
#include <set>
#include <sstream>
#include <string>
#include <vector>

#include "lessons/00-parents/chequebook.hpp"
#include "lessons/00-parents/deadlock.hpp"
#include "lessons/00-parents/evening.hpp"
#include "lessons/00-parents/polling.hpp"
#include "lessons/common/lesson.hpp"

namespace parents {

using simul::say;

// ---- Flags --------------------------------------------------------------------------------------

/// Those that every evening has.
inline std::vector<simul::Flag> evening_flags(Settings& settings) {
  return {simul::number("--children", "N", "how many children (3)", settings.children, 1,
                        static_cast<int>(kNames.size())),
          simul::number("--seed", "N", "another number, another evening (1)", settings.seed, 0,
                        1'000'000),
          simul::number("--evenings", "N", "how many, from that one on, for the table (100)",
                        settings.evenings, 1, 10'000)};
}

inline simul::Flag interval_flag(Settings& settings) {
  return simul::number("--interval", "N", "minutes between two rounds of looking (15)",
                       settings.interval, 1, 600);
}

inline std::vector<simul::Flag> and_also(std::vector<simul::Flag> flags, simul::Flag last) {
  flags.push_back(std::move(last));
  return flags;
}

// ---- An evening ---------------------------------------------------------------------------------

/// "17:05"
inline std::string time_of_day(int minutes) {
  std::ostringstream text;
  text << (17 + minutes / 60) % 24 << ':' << std::setw(2) << std::setfill('0') << minutes % 60;
  return text.str();
}

inline int over_at(const Diary& diary) {
  int end = 0;
  for (const Visit& visit : diary.visits) end = std::max(end, visit.left);
  return end;
}

/// A line for each visit, in the order in which they were paid.
inline void tell_visits(Diary diary) {
  std::stable_sort(diary.visits.begin(), diary.visits.end(),
                   [](const Visit& a, const Visit& b) { return a.came < b.came; });
  for (const Visit& visit : diary.visits) {
    if (visit.who == "chequebook") continue;
    std::ostringstream who;
    who << std::left << std::setw(10) << visit.who;
    say(time_of_day(visit.called), "  ", who.str(), " calls; attended to from ",
        time_of_day(visit.came), " to ", time_of_day(visit.left), ", after ", visit.waited(),
        " minutes");
  }
}

/// For `--timeline` and `--trace`: whom the parent is with, and how everybody fares on her time.
inline void draw_in_timeline(const std::string& kind, const Evening& evening, const Diary& diary) {
  using simul::Stretch;
  const auto add = [](const std::string& thread, const std::string& who, Stretch::Does does,
                      int from, int to, const char* label = "") {
    using std::chrono::minutes;
    if (from < to) simul::add_to_timeline({thread, who, does, minutes(from), minutes(to), label});
  };
  const auto with = [&](const Visit& visit) {  // of several parents, each has one job
    return diary.parents == 1 ? kind + " parent" : visit.who + "'s parent";
  };
  std::map<std::string, int> free;  // since when each parent is
  for (const Visit& visit : diary.visits) {
    const std::string her = with(visit);
    add(her, her, Stretch::waits, free[her], visit.came, diary.looks > 0 ? "next look" : "a call");
    add(her, her, Stretch::runs, visit.came, visit.left);
    free[her] = visit.left;
  }
  for (const Job& job : evening) {
    int since = 0;
    for (const Visit& visit : diary.visits) {
      if (visit.who != job.name) continue;
      add(with(visit), job.name, Stretch::waits, since, visit.called, "alone");
      add(with(visit), job.name, Stretch::is_ready, visit.called, visit.came);
      add(with(visit), job.name, Stretch::runs, visit.came, visit.left);
      since = visit.left;
    }
  }
}

/// A line for each job, a character for every six minutes.
inline void draw(const std::string& kind, const Evening& evening, const Diary& diary) {
  draw_in_timeline(kind, evening, diary);
  constexpr int kMinutes = 6;
  const int columns = (over_at(diary) + kMinutes - 1) / kMinutes;
  std::string hours;
  for (int column = 0; column <= columns; column += 10) {
    std::string hour = time_of_day(column * kMinutes);
    hour.resize(10, ' ');
    hours += hour;
  }
  say(std::string(12, ' '), hours.substr(0, hours.find_last_not_of(' ') + 1));

  for (const Job& job : evening) {
    // First minute by minute: '.' alone, '!' calling, '#' with the parent.
    std::string minutes;
    for (const Visit& visit : diary.visits) {
      if (visit.who != job.name) continue;
      minutes.resize(static_cast<std::size_t>(visit.called), '.');
      minutes.resize(static_cast<std::size_t>(visit.came), '!');
      minutes.resize(static_cast<std::size_t>(visit.left), '#');
    }
    std::string line;
    for (std::size_t at = 0; at < minutes.size(); at += kMinutes) {
      const std::string six = minutes.substr(at, kMinutes);
      const auto calling = std::count(six.begin(), six.end(), '!');
      const bool visited = six.find('#') != six.npos;
      line += visited ? '#' : 2 * calling > kMinutes ? '!' : '.';
    }
    std::ostringstream name;
    name << std::left << std::setw(12) << job.name;
    say(name.str(), line);
  }
}

// ---- Many evenings in one table -----------------------------------------------------------------

/// A kind of parent: what to call it, and what it makes of an evening.
struct Kind {
  std::string name;
  std::function<Diary(const Evening&)> play;
};

inline Kind polling_every(int interval) {
  return {"polling, " + std::to_string(interval) + " min",
          [interval](const Evening& evening) { return polling(evening, interval); }};
}

/// A row for each kind, all of them on the same `settings.evenings` evenings: how long a child that
/// calls waits in the mean and at worst, how often a parent looks in an evening and how often in
/// vain, how many parents it takes, and when the evening is over, in the mean.
inline void tell_table(Settings settings, const std::vector<Kind>& kinds) {
  say("in ", settings.evenings, " evenings   a child waits  at worst  looks  in vain  parents",
      "  over at");
  for (const Kind& kind : kinds) {
    int calls = 0, waited = 0, worst = 0, looks = 0, in_vain = 0, parents = 0, end = 0;
    for (int i = 0; i < settings.evenings; ++i) {
      Settings another = settings;
      another.seed += i;
      const Diary diary = kind.play(make_evening(another));
      for (const Visit& visit : diary.visits) {
        if (!visit.is_child) continue;
        ++calls;
        waited += visit.waited();
        worst = std::max(worst, visit.waited());
      }
      looks += diary.looks;
      in_vain += diary.in_vain;
      parents = diary.parents;
      end += over_at(diary);
    }
    std::ostringstream row;
    row << std::left << std::setw(18) << kind.name << std::right << std::fixed
        << std::setprecision(1) << std::setw(9) << static_cast<double>(waited) / calls << " min"
        << std::setw(6) << worst << " min" << std::setw(7) << looks / settings.evenings
        << std::setw(9) << in_vain / settings.evenings << std::setw(9) << parents << std::setw(9)
        << time_of_day(end / settings.evenings);
    say(row.str());
  }
}

/// What an interval costs, and what it brings.
inline void tell_intervals(const Settings& settings) {
  std::set<int> intervals = {1, 2, 5, 15, 30, 60};
  intervals.insert(settings.interval);
  std::vector<Kind> kinds;
  for (const int interval : intervals) kinds.push_back(polling_every(interval));
  tell_table(settings, kinds);
}

// ---- Deadlock and chequebook
// ---------------------------------------------------------------------

inline void tell_deadlock(int rounds) {
  int circles = 0, loads = 0;
  std::vector<std::string> circle;
  for (int i = 0; i < rounds; ++i) {
    circle = deadlock(loads);
    circles += circle.empty() ? 0 : 1;
  }
  for (const std::string& line : circle) say(line);
  say("A circle, in ", circles, " of ", rounds,
      " rounds. Two was called off and One went on: ", loads, " of ", 2 * rounds, " loads moved.");
}

inline void tell_deadlock_mended(int loads) {
  say("Mended, the washer first:   ", in_one_order(loads), " of ", 2 * loads, " loads moved.");
  say("Mended, both at once:       ", both_at_once(loads), " of ", 2 * loads, " loads moved.");
}

inline void book_head() {
  say("                    cheques  the book says  it should say  not in it");
}

inline void book_row(const std::string& name, int cheques_each, int balance) {
  const int right = right_balance(cheques_each);
  std::ostringstream row;
  row << std::left << std::setw(18) << name << std::right << std::setw(9) << 2 * cheques_each
      << std::setw(15) << balance << std::setw(15) << right << std::setw(11)
      << (balance - right) / kCheque;
  say(row.str());
}

inline void tell_chequebook(int cheques_each) {
  book_head();
  book_row("both at the book", cheques_each, both_at_the_book(cheques_each));
  book_row("with a mutex", cheques_each, with_a_mutex(cheques_each));
  book_row("with messages", cheques_each, with_messages(cheques_each));
}

}  // namespace parents
