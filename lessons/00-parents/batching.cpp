// The batching parent's evening, visit by visit.
#include "lessons/00-parents/batching.hpp"

#include "lessons/00-parents/tell.hpp"

using namespace parents;

int main(int argc, char** argv) {
  Settings settings;
  return simul::lesson(
      argc, argv,
      {.about = "One thing after another, each to its end.", .flags = evening_flags(settings)},
      [&] {
        const Evening evening = make_evening(settings);
        const Diary diary = batching(evening);
        tell_visits(diary);
        draw("batching", evening, diary);
        tell_table(settings, {{"batching", batching}});
      });
}
