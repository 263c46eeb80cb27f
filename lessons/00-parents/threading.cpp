// The threading parent's evening, visit by visit: a thread for each job.
#include "lessons/00-parents/threading.hpp"

#include "lessons/00-parents/tell.hpp"

using namespace parents;

int main(int argc, char** argv) {
  Settings settings;
  return simul::lesson(argc, argv,
                       {.about = "As many parents as there are things to do, each a thread.",
                        .flags = evening_flags(settings)},
                       [&] {
                         const Evening evening = make_evening(settings);
                         const Diary diary = threading(evening);
                         tell_visits(diary);
                         draw("threading", evening, diary);
                         tell_table(settings, {{"threading", threading}});
                       });
}
