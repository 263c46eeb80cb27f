// A queue to wait at, and gather, from nothing.
//
// In lesson 09's miniature tasks waited for the clock. Here they wait for each other: for an item
// that another puts, or for another's end. That takes one new idea: a line of those who wait, kept
// by whom they wait for. To wake somebody is to move him from such a line to the ready queue, no
// more; he runs when it is his turn, and not inside of whoever woke him.
//
//     get() of an empty queue     me                       ->  queue.waiting
//     put(item)                   queue.waiting.front()    ->  ready, and the item goes with him
//     co_await task               me                       ->  task.waiting
//     the end of a task           all of task.waiting      ->  ready
//
// The tasks are simpler than lesson 09's: nobody calls another, each runs beside the others from
// the start (create_task). So one frame is all that there is to resume.
//
// What runtime/sync/queue.hpp and runtime/task/gather.hpp do beyond this: a queue that is full,
// tasks that are cancelled while they wait, results, and exceptions.
#include <chrono>
#include <coroutine>
#include <cstdio>
#include <cstdlib>
#include <deque>
#include <exception>
#include <map>
#include <memory>
#include <thread>
#include <utility>
#include <vector>

using namespace std::chrono;
using Frame = std::coroutine_handle<>;

// ---- The loop ----

std::deque<Frame> ready;
std::multimap<steady_clock::time_point, Frame> asleep;

void run() {
  while (!ready.empty() || !asleep.empty()) {
    if (ready.empty()) {
      const auto first = asleep.extract(asleep.begin());
      std::this_thread::sleep_until(first.key());  // the only place where anything blocks
      ready.push_back(first.mapped());
    }
    const Frame next = ready.front();
    ready.pop_front();
    next.resume();
  }
}

struct Sleep {
  milliseconds delay;

  bool await_ready() const { return false; }
  void await_suspend(Frame me) const { asleep.emplace(steady_clock::now() + delay, me); }
  void await_resume() const {}
};

// ---- A task, and the line of those who wait for its end ----

struct Task {
  struct State {
    bool ended = false;
    std::vector<Frame> waiting;
  };
  std::shared_ptr<State> state;  // outlives the frame, which goes when the body ends

  bool await_ready() const { return state->ended; }
  void await_suspend(Frame me) const { state->waiting.push_back(me); }
  void await_resume() const {}

  struct Queued {  // awaited at the opening brace
    bool await_ready() const { return false; }
    void await_suspend(Frame me) const { ready.push_back(me); }
    void await_resume() const {}
  };
  struct promise_type {
    std::shared_ptr<State> state = std::make_shared<State>();

    Task get_return_object() { return {state}; }
    Queued initial_suspend() { return {}; }
    std::suspend_never final_suspend() noexcept { return {}; }
    void return_void() {
      state->ended = true;
      for (const Frame frame : state->waiting) ready.push_back(frame);
    }
    void unhandled_exception() { std::terminate(); }
  };
};

// They all run already: so to wait for one after the other takes as long as the longest does.
Task gather(std::vector<Task> tasks) {
  for (const Task& task : tasks) co_await task;
}

// ---- A queue ----

class Queue {
 public:
  // What `co_await queue.get()` waits in. It lies in the frame of who waits.
  struct Get {
    Queue& queue;
    int item = 0;
    Frame me = nullptr;

    bool await_ready() {  // there is something: take it, and do not even stop
      if (queue.items_.empty()) return false;
      item = queue.items_.front();
      queue.items_.pop_front();
      return true;
    }
    void await_suspend(Frame frame) {
      me = frame;
      queue.waiting_.push_back(this);
    }
    int await_resume() const { return item; }
  };
  Get get() { return {*this}; }

  // If somebody waits, the item is his at once: nobody who comes later can take it from him.
  void put(int item) {
    if (waiting_.empty()) return items_.push_back(item);
    waiting_.front()->item = item;
    ready.push_back(waiting_.front()->me);
    waiting_.pop_front();
  }

 private:
  std::deque<int> items_;
  std::deque<Get*> waiting_;
};

// ---- The tasks ----

constexpr int kGoHome = 0;

Task worker(const char* name, Queue& queue) {
  for (;;) {
    const int item = co_await queue.get();
    if (item == kGoHome) break;
    std::printf("%s takes %d\n", name, item);
    co_await Sleep{milliseconds(100) * item};
    std::printf("%s is done with %d\n", name, item);
  }
  std::printf("%s goes home\n", name);
}

Task boss(Queue& queue) {
  for (const int item : {3, 2}) queue.put(item);
  co_await Sleep{milliseconds(250)};
  for (const int item : {1, 4, kGoHome, kGoHome}) queue.put(item);
  std::printf("there will be no more\n");
}

Task example(Queue& queue) {
  const auto start = steady_clock::now();
  std::vector<Task> tasks = {worker("One", queue), worker("Two", queue), boss(queue)};
  std::printf("Three tasks, and no line of their bodies has run.\n");
  co_await gather(std::move(tasks));
  std::printf("%.1f s\n", duration<double>(steady_clock::now() - start).count());
}

int main() {
  Queue queue;
  example(queue);
  run();
  return EXIT_SUCCESS;
}
