// The polling parent's evening, visit by visit, and what another interval would have made of it.
#include "lessons/00-parents/polling.hpp"

#include "lessons/00-parents/tell.hpp"

using namespace parents;

void example(const Settings& settings) {
  const Evening evening = make_evening(settings);
  const Diary diary = polling(evening, settings.interval);
  tell_visits(diary);
  draw("polling", evening, diary);
  tell_intervals(settings);
}

int main(int argc, char** argv) {
  Settings settings;
  return simul::lesson(argc, argv,
                       {.about = "Goes round and looks who needs her, every so many minutes.",
                        .flags = and_also(evening_flags(settings), interval_flag(settings))},
                       [&] { example(settings); });
}
