// The wait for a Deferred: how a fiber, a task or the main program gets its result.
//
// A Deferred runs callbacks; whoever can wait would rather wait. This is the bridge: the last link
// of a chain wakes a Waiter instead of feeding a next link.
#pragma once

#include <utility>

#include "runtime/deferred/chain.hpp"
#include "runtime/reactor/waiter.hpp"

namespace simul {

/// `await(d)` in a fiber, `co_await d` in a task: the value, or the error thrown. It takes
/// the result, so nothing else may be added to that Deferred. A wait that is given up, because its
/// fiber was killed, leaves the Deferred as it was.
template <class T>
class [[nodiscard]] DeferredWait final : public Wait<DeferredWait<T>> {
 public:
  /// Throws std::logic_error if the result goes elsewhere already.
  explicit DeferredWait(Ref<detail::Cell<T>> cell)
      : Wait<DeferredWait<T>>(kSort), cell_(std::move(cell)) {
    cell_->check_free();
  }
  ~DeferredWait() {
    if (this->state() == Waiter::State::waiting) leave(*this);
  }

  bool await_ready() const noexcept { return cell_->called(); }
  void start() {
    cell_->check_free();
    cell_->waiter = this;
  }
  T await_resume() {
    cell_->check_free();
    return cell_->take().take();
  }

 private:
  static void leave(Waiter& waiter) noexcept {
    Link& cell = *static_cast<DeferredWait&>(waiter).cell_;
    if (cell.waiter == &waiter) cell.waiter = nullptr;
  }
  using Link = detail::Link;
  static constexpr Waiter::Sort kSort = {"deferred", leave};

  Ref<detail::Cell<T>> cell_;
};

}  // namespace simul
