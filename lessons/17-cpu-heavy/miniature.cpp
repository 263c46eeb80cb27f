// Giving way, from nothing: a coroutine that goes to the end of the queue.
//
//   ready:   [ long ] [ Ann ] [ Bob ] [ Cy ]         resume() the first
//            [ Ann ] [ Bob ] [ Cy ] [ long ]         it gave way: co_await GiveWay{}
//
// A loop takes the first coroutine that is ready and resumes it. It has the processor until it
// waits or gives way: nobody can take it away, and nobody asks whether others are waiting. So the
// one who computes for long has to think of them.
//
// Time is counted in units of work here, so that the output is the same everywhere: Ann, Bob and Cy
// come three times each and want one unit every time, and somebody else wants a thousand in one go.
#include <algorithm>
#include <coroutine>
#include <cstdio>
#include <deque>
#include <exception>

// ---- The idea ----

std::deque<std::coroutine_handle<>> ready;

struct GiveWay {
  bool await_ready() const { return false; }
  void await_suspend(std::coroutine_handle<> me) const { ready.push_back(me); }
  void await_resume() const {}
};

void run_all() {
  while (!ready.empty()) {
    const std::coroutine_handle<> first = ready.front();
    ready.pop_front();
    first.resume();
  }
}

// A coroutine that begins when its turn comes, and cleans up behind itself.
struct Task {
  struct promise_type {
    Task get_return_object() { return {}; }
    GiveWay initial_suspend() { return {}; }
    std::suspend_never final_suspend() noexcept { return {}; }
    void return_void() {}
    void unhandled_exception() { std::terminate(); }
  };
};

// ---- The example ----

int now = 0;           // units of work that were done so far, by whomever
int longest_wait = 0;  // of Ann, Bob or Cy, between wanting the processor and having it
int last_of_them = 0;  // when they were all done
int end_of_long = 0;

void work(int units) {
  now += units;
}

Task a_short_one() {
  for (int i = 0; i < 3; ++i) {
    const int wanted = now;
    co_await GiveWay{};
    longest_wait = std::max(longest_wait, now - wanted);
    work(1);
    last_of_them = now;
  }
}

Task a_long_one(int units, int every) {
  for (int done = 0; done < units;) {
    const int portion = std::min(every, units - done);
    work(portion);
    done += portion;
    if (done < units) co_await GiveWay{};
  }
  end_of_long = now;
}

int main() {
  std::puts("gives way after   longest wait   the short ones are done at   the long one at");
  for (const int every : {1000, 500, 100, 10, 1}) {
    now = longest_wait = last_of_them = end_of_long = 0;
    for (int i = 0; i < 3; ++i) a_short_one();
    a_long_one(1000, every);
    run_all();
    std::printf("%15d %14d %28d %17d\n", every, longest_wait, last_of_them, end_of_long);
  }
}
