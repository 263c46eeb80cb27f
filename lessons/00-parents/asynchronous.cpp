// The asynchronous parent's evening, visit by visit: an event loop.
#include "lessons/00-parents/asynchronous.hpp"

#include "lessons/00-parents/tell.hpp"

using namespace parents;

int main(int argc, char** argv) {
  Settings settings;
  return simul::lesson(
      argc, argv,
      {.about = "One parent, who comes when it rings.",
       .flags = and_also(
           evening_flags(settings),
           simul::number("--entry", "N", "minutes at the chequebook without looking up (1)",
                         settings.entry, 1, 45))},
      [&] {
        const Evening evening = make_evening(settings);
        const Diary diary = asynchronous(evening);
        tell_visits(diary);
        draw("asynchronous", evening, diary);
        tell_table(settings, {{"asynchronous", asynchronous}});
      });
}
