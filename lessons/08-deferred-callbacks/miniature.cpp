// Chains of callbacks, and a cooperator, from nothing.
//
// Lesson 07's miniature told the result to whoever wanted it. In a chain each function gets what
// the one before it has made of it, and there are two sides:
//
//          value       error
//            |           |          The functions run in the order in which they were added, and
//      +-----v----+------v-----+    the result decides which side. What returns goes on on the
//      | callback |  errback   |    left, what throws on the right: an errback that returns has
//      +--|----\--+---/----|---+    mended the matter for those who come after it.
//         v     \    /     v
//       value    \  /    error      If a function returns a Deferred, the chain waits until that
//                                   has fired, and goes on with its result.
//
// A cooperator steps generators (lesson 02). One that yields a Deferred is stepped again when that
// has fired; but the result went down the chain, and the generator never sees it.
//
// What runtime/deferred/ does beyond this: a type for each link, chains of any length without more
// stack, a report of errors that nobody handled, cancelling; fair turns, and a Deferred of the end.
#include <chrono>
#include <coroutine>
#include <cstdio>
#include <cstdlib>
#include <deque>
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
#include <variant>

using namespace std::chrono;
std::multimap<steady_clock::time_point, std::function<void()>> timers;  // the loop, as in lesson 07

void later(milliseconds delay, std::function<void()> function) {
  timers.emplace(steady_clock::now() + delay, std::move(function));
}

// ---- A Deferred with a chain ----

class Deferred {  // a handle; copies mean the same Deferred
 public:
  struct Result {  // one or the other
    std::string value;
    std::exception_ptr error;
  };
  using Next = std::variant<std::string, Deferred>;  // what a function of the chain returns

  void fire(Result result) {
    state_->result = std::move(result);
    run(state_);
  }

  void add_both(std::function<Next(Result)> function) {
    state_->chain.push_back(std::move(function));
    run(state_);
  }
  void add_callback(std::function<Next(std::string)> function) {
    add_both([=](const Result& result) -> Next {
      if (result.error) std::rethrow_exception(result.error);  // an error passes by
      return function(result.value);
    });
  }
  void add_errback(std::function<Next(std::exception_ptr)> function) {
    add_both([=](const Result& result) -> Next {
      return result.error ? function(result.error) : result.value;  // a value passes by
    });
  }

 private:
  struct State {
    std::optional<Result> result;                   // what the next function will get
    std::deque<std::function<Next(Result)>> chain;  // those that have not run yet
  };

  static void run(const std::shared_ptr<State>& state) {
    while (state->result && !state->chain.empty()) {
      const auto function = std::move(state->chain.front());
      state->chain.pop_front();
      try {
        Next next = function(*std::exchange(state->result, std::nullopt));
        if (auto* inner = std::get_if<Deferred>(&next)) {
          inner->add_both([state](Result result) {  // then, or now if it has fired, we go on
            state->result = std::move(result);
            return run(state), "";
          });
        } else {
          state->result = Result{std::get<std::string>(next), nullptr};
        }
      } catch (...) {
        state->result = Result{"", std::current_exception()};
      }
    }
  }

  std::shared_ptr<State> state_ = std::make_shared<State>();
};

// ---- A cooperator ----

struct Generator {
  struct promise_type {
    Deferred yielded;

    Generator get_return_object() {
      return {std::coroutine_handle<promise_type>::from_promise(*this)};
    }
    std::suspend_always initial_suspend() { return {}; }
    std::suspend_always final_suspend() noexcept { return {}; }
    std::suspend_always yield_value(Deferred& d) { return yielded = d, std::suspend_always(); }
    void return_void() {}
    void unhandled_exception() { std::terminate(); }
  };
  std::coroutine_handle<promise_type> body;
};

// Makes one step when its turn comes, and the next when what was yielded has fired.
void coiterate(Generator generator) {
  later(0ms, [body = generator.body] {
    body.resume();
    if (body.done()) return body.destroy();
    body.promise().yielded.add_both([body](const Deferred::Result&) {
      coiterate({body});
      return "";
    });
  });
}

// ---- The tasks ----

// A download, as far as this file is concerned: /300 comes after 300 ms, and /0 is not there.
Deferred get_page(const std::string& path) {
  Deferred page;
  later(milliseconds(std::atoi(path.c_str() + 1)), [=]() mutable {
    if (path == "/0")
      page.fire({"", std::make_exception_ptr(std::runtime_error("no such page: /0"))});
    else
      page.fire({path == "/200" ? "moved to /100" : "the page " + path, nullptr});
  });
  return page;
}

Deferred::Next follow(const std::string& page) {
  if (page.starts_with("moved to ")) return get_page(page.substr(9));
  return page;
}

std::string message_of(const std::exception_ptr& error) {
  try {
    std::rethrow_exception(error);
  } catch (const std::exception& thrown) {
    return thrown.what();
  }
}

Generator task(std::string name, std::queue<std::string>& work) {
  while (!work.empty()) {
    const std::string path = std::move(work.front());
    work.pop();
    std::printf("Task %s getting %s\n", name.c_str(), path.c_str());
    Deferred d = get_page(path);
    d.add_callback(follow);
    d.add_callback([](const std::string& page) { return "got " + page; });
    d.add_errback(message_of);
    d.add_callback([name](const std::string& text) {
      std::printf("Task %s %s\n", name.c_str(), text.c_str());
      return text;
    });
    co_yield d;
  }
}

int main() {
  std::queue<std::string> work;
  for (const char* path : {"/500", "/200", "/0", "/400"}) work.push(path);
  for (const char* name : {"One", "Two"}) coiterate(task(name, work));
  std::printf("No task has begun yet.\n");
  while (!timers.empty()) {
    const auto first = timers.extract(timers.begin());
    std::this_thread::sleep_until(first.key());
    first.mapped()();
  }
  return EXIT_SUCCESS;
}
