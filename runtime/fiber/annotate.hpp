// Tells the sanitizers that the stack changes. Without a sanitizer everything here is empty.
//
// AddressSanitizer keeps the bounds of the running stack and, to catch the use of a local variable
// after its function has returned, a "fake stack" beside it. ThreadSanitizer keeps a history per
// line of execution. Both would take a switch for a wild jump, so each is told: just before
// (`before_switch`, on the old stack) and as the first thing after (`after_switch`, on the new
// one).
//
// ThreadSanitizer notes each function's entry and exit by calls that the compiler inserts. Between
// its switch and the real one there must be none, hence SIMUL_UNTRACED on what happens there.
#pragma once

#include <cstddef>

#include "runtime/base/sanitizers.hpp"

#if defined(SIMUL_ASAN)
#include <sanitizer/asan_interface.h>
#include <sanitizer/common_interface_defs.h>
#define SIMUL_UNTRACED
#define SIMUL_UNADDRESSED __attribute__((no_sanitize_address))
#elif defined(SIMUL_TSAN)
#include <sanitizer/tsan_interface.h>
#define SIMUL_UNTRACED __attribute__((no_sanitize("thread")))
#define SIMUL_UNADDRESSED
#else
#define SIMUL_UNTRACED
#define SIMUL_UNADDRESSED
#endif

// A switch that is part of its caller, not called (context_x86_64.hpp says why). A function that
// ThreadSanitizer does not trace cannot be part of one that it does, so there it is called.
#if defined(SIMUL_TSAN)
#define SIMUL_IN_PLACE
#else
#define SIMUL_IN_PLACE [[gnu::always_inline]]
#endif

namespace simul {

/// What the sanitizers know of one line of execution. Default-made: a thread's own.
/// Neither copied nor moved. Thread: that of the line.
class Annotation {
 public:
  Annotation() = default;
  Annotation(const Annotation&) = delete;
  Annotation& operator=(const Annotation&) = delete;

#if defined(SIMUL_ASAN)
  /// A new line begins on this memory.
  void begin(const std::byte* bottom, std::size_t size) noexcept {
    bottom_ = bottom;
    size_ = size;
    fake_stack_ = nullptr;
    // Frames that were abandoned here, not returned from, left their red zones.
    __asan_unpoison_memory_region(bottom, size);
  }

  /// `from` runs and is about to be left for `to`; for ever, if `last`.
  static void before_switch(Annotation& from, Annotation& to, bool last) noexcept {
    left_ = last ? nullptr : &from;
    __sanitizer_start_switch_fiber(last ? nullptr : &from.fake_stack_, to.bottom_, to.size_);
  }

  /// `self` runs again, or for the first time.
  static void after_switch(Annotation& self) noexcept {
    const void* bottom = nullptr;
    std::size_t size = 0;
    __sanitizer_finish_switch_fiber(self.fake_stack_, &bottom, &size);
    if (left_ == nullptr) return;
    left_->bottom_ = bottom;  // the only way to learn the bounds of a thread's own stack
    left_->size_ = size;
  }

 private:
  const void* bottom_ = nullptr;
  std::size_t size_ = 0;
  void* fake_stack_ = nullptr;
  static inline constinit thread_local Annotation* left_ = nullptr;

#elif defined(SIMUL_TSAN)
  ~Annotation() {
    end();
  }

  void begin(const std::byte*, std::size_t) noexcept {
    end();
    fiber_ = __tsan_create_fiber(0);
    owned_ = true;
  }

  __attribute__((always_inline)) SIMUL_UNTRACED static inline void before_switch(Annotation& from,
                                                                                 Annotation& to,
                                                                                 bool) noexcept {
    if (from.fiber_ == nullptr) from.fiber_ = __tsan_get_current_fiber();
    __tsan_switch_to_fiber(to.fiber_, 0);
  }
  __attribute__((always_inline)) SIMUL_UNTRACED static inline void after_switch(
      Annotation&) noexcept {}

 private:
  void end() noexcept {
    if (owned_) __tsan_destroy_fiber(fiber_);
    owned_ = false;
    fiber_ = nullptr;
  }

  void* fiber_ = nullptr;
  bool owned_ = false;

#else
  void begin(const std::byte*, std::size_t) noexcept {}
  static void before_switch(Annotation&, Annotation&, bool) noexcept {}
  static void after_switch(Annotation&) noexcept {}
#endif
};

}  // namespace simul
