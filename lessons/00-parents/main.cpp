// Four kinds of parent, one evening: batching, polling, threading, asynchronous.
//
// Each of them is a file of its own and has a program of its own; this one plays them all in order,
// the threading parent's two accidents included, and ends with the four in one table.
#include "lessons/00-parents/asynchronous.hpp"
#include "lessons/00-parents/batching.hpp"
#include "lessons/00-parents/polling.hpp"
#include "lessons/00-parents/tell.hpp"
#include "lessons/00-parents/threading.hpp"

using namespace parents;

void example(const Settings& settings) {
  const Evening evening = make_evening(settings);

  say("The batching parent: one thing after another. (. alone  ! calling  # with the parent)");
  draw("batching", evening, batching(evening));

  say("\nThe polling parent: looks every ", settings.interval, " minutes");
  draw("polling", evening, polling(evening, settings.interval));
  tell_intervals(settings);

  say("\nThe threading parent: one for each");
  draw("threading", evening, threading(evening));

  say("\nTwo of her at washer and dryer: a deadlock");
  tell_deadlock(20);
  tell_deadlock_mended(1000);

  say("\nTwo of her at one chequebook: lost updates");
  tell_chequebook(20);

  say("\nThe asynchronous parent: comes when it rings");
  draw("asynchronous", evening, asynchronous(evening));

  say("\nThe four together");
  tell_table(settings, {{"batching", batching},
                        polling_every(settings.interval),
                        {"threading", threading},
                        {"asynchronous", asynchronous}});
}

int main(int argc, char** argv) {
  Settings settings;
  return simul::lesson(argc, argv,
                       {.about = "Plays the batching, the polling, the threading and the\n"
                                 "asynchronous parent, all on the same evening.",
                        .flags = and_also(evening_flags(settings), interval_flag(settings))},
                       [&] { example(settings); });
}
