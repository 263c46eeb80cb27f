// A coroutine that is sent values and closed, from nothing.
//
// Lesson 02's miniature let values out. To let them in, one has to know that `co_yield v` is an
// expression, and who makes its value: what yield_value() returns, in three calls.
//
//   caller                     the frame
//   ------                     ---------
//                              yield_value(v)       leave v where the caller finds it
//                              await_ready()        no: stop
//   <- resume() returns        await_suspend()
//   promise.sent = 5
//   resume()                -> await_resume()       what this returns is the value of `co_yield v`
//
// So send() is a note in the promise and a resume(), and await_resume() reads the note. And close()
// is another note, for which await_resume() throws. The exception starts its way at the co_yield:
// that is why the body can catch it, and why the destructors of its variables run.
//
// What runtime/generator/generator.hpp does beyond this: values of any type, without a copy.
#include <coroutine>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <stdexcept>
#include <utility>

struct Exit {};  // no std::exception: a handler for errors is not to take it for one

class Coroutine {
 public:
  struct promise_type {
    double yielded = 0;        // on its way out
    double sent = 0;           // on its way in
    bool started = false;      // has the body come to a co_yield yet?
    bool closing = false;      // throw Exit instead of handing over `sent`
    std::exception_ptr error;  // what left the body, if something did

    struct AtYield {
      promise_type& promise;

      bool await_ready() const { return false; }
      void await_suspend(std::coroutine_handle<>) const {}
      double await_resume() const {
        if (std::exchange(promise.closing, false)) throw Exit{};  // said once
        return promise.sent;
      }
    };

    Coroutine get_return_object() {
      return Coroutine(std::coroutine_handle<promise_type>::from_promise(*this));
    }
    std::suspend_always initial_suspend() { return {}; }
    AtYield yield_value(double value) {
      yielded = value;
      started = true;
      return {*this};
    }
    std::suspend_always final_suspend() noexcept { return {}; }
    void return_void() {}
    void unhandled_exception() { error = std::current_exception(); }
  };

  Coroutine(Coroutine&& other) noexcept : frame_(std::exchange(other.frame_, nullptr)) {}
  ~Coroutine() {
    if (frame_) frame_.destroy();  // without a word to the body: destructors, but no Exit
  }

  double start() { return resume(); }  // up to the first co_yield

  // Makes the co_yield where the body stands evaluate to `value`; returns what the next one yields.
  double send(double value) {
    if (frame_.done()) throw std::logic_error("send: the coroutine is over");
    if (!frame_.promise().started) throw std::logic_error("send: nobody is there to receive yet");
    frame_.promise().sent = value;
    return resume();
  }

  // Asks the body to end, by an Exit at its co_yield.
  void close() {
    if (frame_.done() || !frame_.promise().started) return;  // there is nothing to interrupt
    frame_.promise().closing = true;
    try {
      resume();
    } catch (const Exit&) {
      return;  // it did not catch it: as good an end as any
    }
    if (!frame_.done()) throw std::logic_error("close: the coroutine refused to end");
  }

 private:
  explicit Coroutine(std::coroutine_handle<promise_type> frame) : frame_(frame) {}

  double resume() {
    frame_.resume();
    if (std::exception_ptr error = std::exchange(frame_.promise().error, nullptr)) {
      std::rethrow_exception(error);
    }
    return frame_.promise().yielded;
  }

  std::coroutine_handle<promise_type> frame_;
};

// Numbers go in, and the mean of all so far comes out. It has no end of its own.
Coroutine mean() {
  double sum = 0;
  int count = 0;
  try {
    for (;;) {
      sum += co_yield (count == 0 ? 0 : sum / count);
      ++count;
    }
  } catch (const Exit&) {
    std::printf("  mean: closed after %d numbers, their sum was %g\n", count, sum);
  }
}

Coroutine stubborn() {
  try {
    co_yield 0;
  } catch (const Exit&) {
    std::printf("  stubborn: not yet\n");
  }
  co_yield 0;
}

template <class Action>
void attempt(const char* what, Action action) {
  try {
    action();
    std::printf("%s: done\n", what);
  } catch (const std::logic_error& error) {
    std::printf("%s: %s\n", what, error.what());
  }
}

int main() {
  Coroutine numbers = mean();
  attempt("send 3 to one that has not started", [&] { numbers.send(3); });
  numbers.start();
  for (const double number : {3, 5, 10}) {
    std::printf("send %g: %g comes out\n", number, numbers.send(number));
  }
  attempt("close it", [&] { numbers.close(); });
  attempt("close it again", [&] { numbers.close(); });
  attempt("send 4", [&] { numbers.send(4); });

  Coroutine other = stubborn();
  other.start();
  attempt("close a stubborn one", [&] { other.close(); });
  attempt("close it again", [&] { other.close(); });
  return EXIT_SUCCESS;
}
