// Two tasks that sleep at the same time in one thread, from nothing.
//
// A generator (lesson 02) can stop only in its own body: its frame holds the local variables of one
// function. A task here has a whole stack, so it can stop anywhere: `sleep_for` below is an
// ordinary function, called by a function that is called by the task, and neither of those says
// `yield`.
//
// Three calls of the C library, declared in <ucontext.h>, are all it takes:
//
//   getcontext(&c)      notes in c what the processor's registers hold now
//   makecontext(&c, f)  changes that note to: at the first line of f, on an empty stack
//   swapcontext(&a, &b) notes in a where we are, and goes on where b was noted;
//                       it returns when somebody swaps to a
//
//      main's stack            One's stack             Two's stack
//    | main           |      | begin          |      | begin          |
//    | run_until_done |      | task           |      | task           |
//                            | count_seconds  |      | count_seconds  |
//                            | sleep_for      |      | sleep_for      |
//
// The processor uses one of the three at a time; the other two lie still, exactly as they were
// left. gevent calls such a task a greenlet, this project a fiber, and the loop that picks the next
// the hub.
//
// What runtime/fiber/ does beyond this: a page below each stack that catches an overflow, a switch
// that is far cheaper than swapcontext, exceptions, results, and a reactor as the hub.
#include <ucontext.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <deque>
#include <memory>
#include <queue>
#include <string>
#include <thread>
#include <vector>

using Clock = std::chrono::steady_clock;
using Seconds = std::chrono::duration<double>;

// ---- The hub ----

using Body = void (*)(const std::string& name);

struct Task {
  Body body;
  std::string name;
  std::vector<char> stack = std::vector<char>(64 * 1024);
  ucontext_t place = {};  // where it goes on
  Clock::time_point wake_at;
};

ucontext_t hub;             // where the hub goes on
std::deque<Task*> ready;    // who can run, in the order of their turns
std::vector<Task*> asleep;  // who cannot yet
Task* current = nullptr;    // who runs

// The first function on every task's stack. When it returns, the hub goes on (see uc_link).
void begin() {
  current->body(current->name);
}

std::unique_ptr<Task> spawn(Body body, const std::string& name) {
  auto made = std::make_unique<Task>();
  made->body = body;
  made->name = name;
  getcontext(&made->place);
  made->place.uc_stack.ss_sp = made->stack.data();
  made->place.uc_stack.ss_size = made->stack.size();
  made->place.uc_link = &hub;
  makecontext(&made->place, begin, 0);
  ready.push_back(made.get());  // it has not run a line yet
  return made;
}

// Lets the others run for `seconds`, or longer if one of them does not give way.
void sleep_for(double seconds) {
  Task* me = current;
  me->wake_at = Clock::now() + std::chrono::duration_cast<Clock::duration>(Seconds(seconds));
  asleep.push_back(me);
  swapcontext(&me->place, &hub);  // we are away ... and here we are again
}

// Runs whoever is ready. When nobody is, the thread itself sleeps until the first one must wake.
void run_until_done() {
  while (!ready.empty() || !asleep.empty()) {
    if (ready.empty()) {
      const auto first = std::min_element(asleep.begin(), asleep.end(),
                                          [](Task* a, Task* b) { return a->wake_at < b->wake_at; });
      std::this_thread::sleep_until((*first)->wake_at);  // the only place where anything blocks
      ready.push_back(*first);
      asleep.erase(first);
      continue;
    }
    current = ready.front();
    ready.pop_front();
    swapcontext(&hub, &current->place);
  }
}

// ---- The tasks ----

std::queue<int> work;

void count_seconds(const std::string& name, int count) {
  for (int i = 1; i <= count; ++i) {
    std::printf("Task %s running: %d of %d\n", name.c_str(), i, count);
    sleep_for(1);
  }
}

void task(const std::string& name) {
  while (!work.empty()) {
    const int count = work.front();
    work.pop();
    count_seconds(name, count);
    std::printf("Task %s total: %d\n", name.c_str(), count);
  }
}

int main() {
  for (const int count : {3, 2, 1, 1}) work.push(count);
  const auto start = Clock::now();

  const auto one = spawn(task, "One");
  const auto two = spawn(task, "Two");
  run_until_done();

  std::printf("\nSeven seconds of sleep took %.1f.\n", Seconds(Clock::now() - start).count());
  return EXIT_SUCCESS;
}
