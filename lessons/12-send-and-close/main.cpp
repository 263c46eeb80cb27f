// A coroutine that is sent names, and prints those in which it finds what it searches for.
//
// Lesson 02's generators handed values out. Here the values go the other way: `co_yield {}` hands
// out nothing, stops, and evaluates to what the caller sends. Nobody asks this coroutine for
// anything; it lives on what it is given, until somebody says that there will be no more.
#include <string>

#include "lessons/common/lesson.hpp"
#include "runtime/generator/generator.hpp"

using simul::Generator;
using simul::GeneratorExit;
using simul::None;
using simul::say;

Generator<None, std::string> print_name(std::string prefix) {
  say("Searching prefix:", prefix);
  try {
    while (true) {
      const std::string name = co_yield {};  // stops here, and goes on with what was sent
      if (name.find(prefix) != std::string::npos) say(name);
    }
  } catch (const GeneratorExit&) {
    say("Closing coroutine!!");
  }
}

void example() {
  auto corou = print_name("Dear");
  corou.next();  // up to the first co_yield: before that, nobody is there to receive
  corou.send("James");
  corou.send("Dear James");
  corou.close();
}

int main(int argc, char** argv) {
  return simul::lesson(argc, argv,
                       {.about = "A coroutine is sent names, prints those that have \"Dear\" in\n"
                                 "them, and says goodbye when it is closed."},
                       example);
}
