// Two threads that wait for each other, seen, resolved, and then avoided.
#include "lessons/00-parents/deadlock.hpp"

#include "lessons/00-parents/tell.hpp"

using namespace parents;

int main(int argc, char** argv) {
  int rounds = 20, loads = 1000;
  bool unwatched = false;
  return simul::lesson(
      argc, argv,
      {.about = "Two threads, each with one machine, each waiting for the other's.",
       .flags = {simul::number("--rounds", "N", "how often they do so (20)", rounds, 1, 100'000),
                 simul::number("--loads", "N", "how many loads each moves when it is mended (1000)",
                               loads, 1, 10'000'000),
                 simul::on("--for-ever", "with std::mutex, and nobody to watch; ends by Ctrl-C",
                           unwatched)}},
      [&] {
        if (unwatched) for_ever();
        tell_deadlock(rounds);
        tell_deadlock_mended(loads);
      });
}
