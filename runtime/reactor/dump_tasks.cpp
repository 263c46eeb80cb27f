#include "runtime/reactor/dump_tasks.hpp"

#include <cstddef>

#include "runtime/reactor/reactor.hpp"

namespace simul {
namespace {

std::string count(std::size_t number, const std::string& what) {
  const std::string some = number == 0 ? "no" : std::to_string(number);
  return some + " " + what + (number == 1 ? "" : "s");
}

}  // namespace

std::string describe_state(const Routine& routine) {
  const Waiter* const wait = routine.waiting_on();
  if (wait == nullptr) return "runs";
  if (wait->state() == Waiter::State::triggered) return "is ready";
  return std::string("waits for ") + wait->label();
}

void dump_tasks(std::FILE* out) {
  std::size_t tasks = 0;
  std::size_t fibers = 0;
  std::size_t others = 0;  // what a layer above has made of callbacks, such as a page on its way
  std::string lines;
  Reactor::current().for_each_owned([&](const Reactor::Owned& owned) {
    const Routine::Kind kind = owned.kind();
    ++(kind == Routine::Kind::task ? tasks : kind == Routine::Kind::fiber ? fibers : others);
    lines += "  " + owned.describe() + " " + describe_state(owned);
    const std::size_t depth = owned.depth();
    if (depth > 1) lines += ", " + count(depth, "coroutine") + " deep";
    lines += "\n";
  });
  std::string header = "simul: " + count(tasks, "task") + ", " + count(fibers, "fiber");
  if (others != 0) header += ", " + count(others, "other");
  // At once, so that what else is written does not come in between.
  std::fputs((header + "\n" + lines).c_str(), out);
  std::fflush(out);
}

}  // namespace simul
