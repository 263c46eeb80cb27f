// The least that a coroutine for co_await can be: the floor under our tasks.
//
// It is what one writes in an afternoon: lazy, with symmetric transfer to the caller, its frame
// from operator new. No loop, no cancelling, no errors, no waiting.
#pragma once

#include <coroutine>
#include <exception>
#include <utility>

namespace simul::bench {

class BareTask {
 public:
  struct promise_type {
    std::coroutine_handle<> caller = std::noop_coroutine();
    long value = 0;

    BareTask get_return_object() {
      return BareTask(std::coroutine_handle<promise_type>::from_promise(*this));
    }
    std::suspend_always initial_suspend() noexcept { return {}; }
    auto final_suspend() noexcept {
      struct Return {
        bool await_ready() noexcept { return false; }
        std::coroutine_handle<> await_suspend(std::coroutine_handle<promise_type> frame) noexcept {
          return frame.promise().caller;
        }
        void await_resume() noexcept {}
      };
      return Return{};
    }
    void return_value(long result) { value = result; }
    void unhandled_exception() { std::terminate(); }
  };

  explicit BareTask(std::coroutine_handle<promise_type> frame) : frame_(frame) {}
  BareTask(BareTask&& other) noexcept : frame_(std::exchange(other.frame_, nullptr)) {}
  ~BareTask() {
    if (frame_) frame_.destroy();
  }

  bool await_ready() { return false; }
  std::coroutine_handle<> await_suspend(std::coroutine_handle<> caller) {
    frame_.promise().caller = caller;
    return frame_;
  }
  long await_resume() { return frame_.promise().value; }

  void start() { frame_.resume(); }
  long result() { return frame_.promise().value; }

 private:
  std::coroutine_handle<promise_type> frame_;
};

}  // namespace simul::bench
