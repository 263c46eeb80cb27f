// Two threads that lose an update at each meeting, and two ways in which they lose none.
#include "lessons/00-parents/chequebook.hpp"

#include "lessons/00-parents/tell.hpp"

using namespace parents;

int main(int argc, char** argv) {
  int cheques = 20, by_chance = 0;
  return simul::lesson(
      argc, argv,
      {.about = "Two threads that write cheques, and what the one book says then.",
       .flags = {simul::number("--cheques", "N", "how many each of them writes (20)", cheques, 1,
                               100'000),
                 simul::number("--by-luck", "N", "and then N each, without an appointment",
                               by_chance, 1, 10'000'000)}},
      [&] {
        tell_chequebook(cheques);
        if (by_chance > 0) book_row("by luck", by_chance, by_luck(by_chance));
      });
}
