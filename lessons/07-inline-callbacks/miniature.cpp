// A Deferred and inlineCallbacks from nothing: code that waits, and reads from top to bottom.
//
// In lesson 06's miniature every "and then" was a function, handed down to whoever would know when.
// A Deferred is an object that stands between the two:
//
//   who makes the result                                          who wants it
//     callback("...")  ------>  [ result?   functions ]  <------  when_fired(function)
//     errback(error)            both there? then call
//
// So "what comes next" can be handed in after the work was begun, and by somebody else: by a
// coroutine. `co_yield d` stops the body, and leaves with d a function that lets it go on.
//
//   task()     getting /500 | co_yield d                           | got /500 ...
//   d                       '--> when_fired(resume)    resume() ---'
//   the loop                              timer: d.callback(...) '
//
// Twisted calls that inlineCallbacks. What runtime/deferred/ does beyond this: results of any type,
// chains (lesson 08), cancelling, and a body whose Deferred goes is destroyed, not forgotten.
#include <chrono>
#include <coroutine>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <queue>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>
#include <vector>

using namespace std::chrono;

// ---- The loop: timers alone, for lesson 06 has shown the rest ----

std::multimap<steady_clock::time_point, std::function<void()>> timers;

void later(milliseconds delay, std::function<void()> function) {
  timers.emplace(steady_clock::now() + delay, std::move(function));
}

void run() {
  while (!timers.empty()) {
    const auto first = timers.extract(timers.begin());
    std::this_thread::sleep_until(first.key());
    first.mapped()();
  }
}

// ---- A Deferred ----

class Deferred {  // a handle; copies mean the same Deferred
 public:
  struct Result {  // one or the other
    std::string value;
    std::exception_ptr error;
  };
  using Function = std::function<void(const Result&)>;

  void callback(std::string value) { fire({std::move(value), nullptr}); }
  void errback(std::exception_ptr error) { fire({"", std::move(error)}); }

  const std::optional<Result>& result() const { return state_->result; }

  // Calls `function` when the result is there: now, if it is.
  void when_fired(Function function) {
    if (result()) return function(*result());
    state_->functions.push_back(std::move(function));
  }

 private:
  struct State {
    std::optional<Result> result;
    std::vector<Function> functions;
  };

  void fire(Result result) {
    if (state_->result) throw std::logic_error("this Deferred has fired already");
    const auto held = state_;  // a function may drop the last handle
    held->result = std::move(result);
    for (const auto& function : std::exchange(held->functions, {})) function(*held->result);
  }

  std::shared_ptr<State> state_ = std::make_shared<State>();
};

// ---- inlineCallbacks: what the compiler asks for (see lesson 02) ----

struct InlineCallbacks {
  struct promise_type;
  struct AtYield;

  Deferred deferred;  // what the caller gets: it fires when the body has ended
};

// The compiler turns `co_yield d` into these three calls.
struct InlineCallbacks::AtYield {
  Deferred deferred;

  bool await_ready() const { return deferred.result().has_value(); }  // then do not even stop
  void await_suspend(std::coroutine_handle<> body) {
    deferred.when_fired([body](const Deferred::Result&) { body.resume(); });
  }
  std::string await_resume() const {  // the value of `co_yield d`, or its exception
    if (deferred.result()->error) std::rethrow_exception(deferred.result()->error);
    return deferred.result()->value;
  }
};

struct InlineCallbacks::promise_type {
  Deferred deferred;

  InlineCallbacks get_return_object() { return {deferred}; }
  std::suspend_never initial_suspend() { return {}; }         // up to the first co_yield, now
  std::suspend_never final_suspend() noexcept { return {}; }  // at the end the frame goes
  AtYield yield_value(Deferred awaited) { return {std::move(awaited)}; }
  void return_void() { deferred.callback("done"); }
  void unhandled_exception() { deferred.errback(std::current_exception()); }
};

// ---- The tasks ----

// A download, as far as this file is concerned: /300 comes after 300 ms, and /0 is not there.
Deferred get_page(const std::string& path) {
  Deferred page;
  const int latency = std::atoi(path.c_str() + 1);
  later(milliseconds(latency), [=]() mutable {
    if (latency > 0) return page.callback("the page " + path);
    page.errback(std::make_exception_ptr(std::runtime_error("no such page: " + path)));
  });
  return page;
}

InlineCallbacks task(const char* name, std::queue<std::string>& work) {
  while (!work.empty()) {
    const std::string path = std::move(work.front());
    work.pop();
    std::printf("Task %s getting %s\n", name, path.c_str());
    try {
      const std::string page = co_yield get_page(path);
      std::printf("Task %s got %s\n", name, page.c_str());
    } catch (const std::exception& error) {
      std::printf("Task %s: %s\n", name, error.what());
    }
  }
}

int main() {
  std::queue<std::string> work;
  for (const char* path : {"/500", "/300", "/0", "/400"}) work.push(path);
  const auto start = steady_clock::now();
  for (const char* name : {"One", "Two"}) {
    task(name, work).deferred.when_fired([=](const Deferred::Result& result) {
      const duration<double> elapsed = steady_clock::now() - start;
      std::printf("Task %s is %s after %.1f s\n", name, result.value.c_str(), elapsed.count());
    });
  }
  std::printf("Both tasks have begun, and main goes on.\n");
  run();
  return EXIT_SUCCESS;
}
