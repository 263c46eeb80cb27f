// Two threads print the square and the cube of ten, and then the program says that it is done.
//
// std::async starts a thread and gives a future: get() waits for the thread's end, which Python
// calls join(), and throws here what was thrown there. An exception that leaves a bare std::thread
// ends the whole program.
#include <future>

#include "lessons/common/lesson.hpp"

using simul::say;

void print_cube(int num) {
  say("Cube: ", num * num * num);
}

void print_square(int num) {
  say("Square: ", num * num);
}

void example() {
  std::future<void> t1 = std::async(std::launch::async, print_square, 10);
  std::future<void> t2 = std::async(std::launch::async, print_cube, 10);
  t1.get();
  t2.get();
  say("Done!");  // the last line in any case; which of the others is first, nobody has promised
}

int main(int argc, char** argv) {
  return simul::lesson(argc, argv, {.about = "Two threads print the square and the cube of ten."},
                       example);
}
