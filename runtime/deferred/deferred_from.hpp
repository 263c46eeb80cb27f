// deferred_from: the end of a fiber or of a task, as a Deferred.
//
//     deferred_from(spawn(play, board)).add_callback(applaud);
//
// The other direction is `await(d)` in a fiber and `co_await d` in a task, see deferred_wait.hpp.
// The callbacks do not run from inside of what has ended, on a fiber's stack perhaps, but in the
// next turn of the loop, as all callbacks do.
#pragma once

#include <concepts>
#include <exception>
#include <memory>
#include <source_location>
#include <type_traits>
#include <utility>

#include "runtime/base/error.hpp"
#include "runtime/deferred/deferred.hpp"
#include "runtime/reactor/reactor.hpp"
#include "runtime/reactor/spawned.hpp"

namespace simul {

namespace detail {

/// Waits for the end. Belongs to itself until then, and then to a callback of the loop.
template <class T, class Handle>
class SpawnedEnd final : public DoneLink {
 public:
  SpawnedEnd(Handle spawned, Deferred<T> result) noexcept
      : spawned_(std::move(spawned)), result_(std::move(result)) {
    this->fired = [](DoneLink& link) noexcept {
      std::unique_ptr<SpawnedEnd> self(static_cast<SpawnedEnd*>(&link));
      Reactor& reactor = self->spawned_.core().reactor();
      reactor.call_soon([end = std::move(self)] { end->fire(); });
    };
  }

  void fire() const {
    if (result_.called()) return;  // it was cancelled; an error is for the handle to report
    if (spawned_.cancelled())
      result_.errback(Cancelled{});
    else if (std::exception_ptr error = spawned_.error())
      result_.errback(std::move(error));
    else if constexpr (std::is_void_v<T>)
      result_.callback();
    else
      result_.callback(std::move(spawned_.result()));
  }

 private:
  Handle spawned_;
  Deferred<T> result_;
};

/// The handle of a fiber or of a task.
template <class Handle>
concept SpawnedHandle = requires(const Handle& handle) {
  { handle.core() } -> std::convertible_to<Spawned&>;
};

}  // namespace detail

/// Fires with the result of what `spawned` is the handle of, which moves into it, or with its
/// error; with Cancelled if that is cancelled. Cancelling the Deferred cancels the task, kills the
/// fiber. It does not fire if the loop goes first. (Twisted: Deferred.fromFuture)
template <template <class> class Handle, class T>
requires detail::SpawnedHandle<Handle<T>> Deferred<T> deferred_from(
    Handle<T> spawned, std::source_location where = std::source_location::current()) {
  Deferred<T> result([spawned](Deferred<T>&) { spawned.core().cancel(); }, where);
  auto end = std::make_unique<detail::SpawnedEnd<T, Handle<T>>>(spawned, result);
  if (spawned.done())
    end->fire();
  else
    spawned.core().notify(*end.release());
  return result;
}

}  // namespace simul
