// Room for the wait in which a callback routine is at the moment.
//
// A fiber keeps its wait on its stack, a task in its frame. A routine of kind callback has neither:
// between two calls of `step` it is only an object, so the wait must be a member of it; and a wait
// neither moves nor starts again, so the next one is made anew in the same place.
//
//     CurrentWait<Sleep, Readiness> wait_;
//     wait_.set([&] { return socket_.readable(deadline); }).suspend(*this);      // and return
//     ...                                                                        // in step():
//     if (auto* ready = wait_.get<Readiness>()) ready->await_resume();
//
// Thread: that of the routine.
#pragma once

#include <type_traits>
#include <variant>

namespace simul {

/// One of `Waits...`, or none.
template <class... Waits>
class CurrentWait {
 public:
  /// Destroys what is there, which ends it, and puts what `make()` returns in its place.
  template <class Make>
  auto& set(Make make) {
    reset();  // before `make` is called: it may need what the old one held
    return content_.template emplace<std::invoke_result_t<Make&>>(InPlace<Make>{make});
  }

  /// The wait, if it is of that sort; else null.
  template <class W>
  W* get() noexcept {
    return std::get_if<W>(&content_);
  }

  /// Ends it and destroys it.
  void reset() noexcept { content_.template emplace<std::monostate>(); }

 private:
  // Becomes the wait where the variant constructs it, so nothing has to be moved.
  template <class Make>
  struct InPlace {
    Make& make;
    operator std::invoke_result_t<Make&>() const {  // NOLINT(google-explicit-constructor)
      return make();
    }
  };

  std::variant<std::monostate, Waits...> content_;
};

}  // namespace simul
