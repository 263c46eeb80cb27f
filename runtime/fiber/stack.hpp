// Memory for stacks: where a fiber's local variables and return addresses live.
//
// A stack is a slot of a slab, and a slab is one mmap of many slots:
//
//   low addresses                                                        high addresses
//   | guard |   stack 0   | guard |   stack 1   | guard |   stack 2   | ...
//           ^ bottom()    ^ top()
//
// Stacks grow downwards, so one that grows too far runs into its own guard, which no instruction
// may touch, and never into its neighbour (overflow.hpp makes the crash speak). The kernel gives a
// page of memory only when it is first touched: a parked fiber costs the page or two that it has
// used, whatever the size of its stack.
//
// The invariant: a stack is either out (one owner has it) or in its pool, there either warm (its
// pages kept, the next to be taken) or cold (its pages given back to the kernel).
//
// What is not here: running code on a stack. That is context.hpp.
#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <vector>

#include "runtime/base/intrusive_list.hpp"
#include "runtime/base/sanitizers.hpp"

namespace simul {

class StackPool;

/// One stack. Its pool makes it; its address does not change while the pool lives.
/// Thread: that of the pool.
class Stack : public ListNode<> {
 public:
  /// The lowest usable byte; the guard lies right below it.
  std::byte* bottom() const noexcept { return bottom_; }
  /// One past the highest usable byte; a multiple of 64.
  std::byte* top() const noexcept { return top_; }
  /// Usable bytes.
  std::size_t size() const noexcept { return static_cast<std::size_t>(top_ - bottom_); }

  /// Who runs on this stack, for the report of an overflow. The text is not copied: it must live as
  /// long as the stack is out. Null, the default for a stack fresh from the pool: nobody in
  /// particular.
  void set_owner(const char* name) noexcept { owner_ = name; }
  const char* owner() const noexcept { return owner_; }

  /// How many bytes, counted from the top, hold memory now: how deep this stack has been used since
  /// its pages were last given back, rounded up to pages. One system call.
  std::size_t touched() const;

 private:
  friend class StackPool;
  friend struct ReturnStack;

  StackPool* pool_ = nullptr;
  std::byte* bottom_ = nullptr;
  std::byte* top_ = nullptr;
  const char* owner_ = nullptr;
};

/// Gives a stack back to its pool.
struct ReturnStack {
  void operator()(Stack* stack) const noexcept;
};

/// A stack that is out, with one owner.
using StackPtr = std::unique_ptr<Stack, ReturnStack>;

/// Usable bytes of a stack unless a pool is made with another size.
///
/// 64 KiB: an ordinary chain of calls that ends in printf or an HTTP request needs well under 16
/// KiB, and no more is paid for than is touched. Sanitizers make frames several times larger.
#if defined(SIMUL_ASAN) || defined(SIMUL_TSAN)
inline constexpr std::size_t kStackSize = 256 * 1024;
#else
inline constexpr std::size_t kStackSize = 64 * 1024;
#endif

/// Stacks of one size for one thread, last in, first out: the stack taken next is the one used
/// last, whose pages are still in the processor's caches.
class StackPool {
 public:
  /// `size`: usable bytes, rounded up to pages; at least 16 KiB. Also makes this thread ready to
  /// report an overflow (overflow.hpp).
  explicit StackPool(std::size_t size = default_size());
  /// All stacks must be back.
  ~StackPool();
  StackPool(const StackPool&) = delete;
  StackPool& operator=(const StackPool&) = delete;

  /// This thread's pool, made at its first use. It lives until the thread has ended and its last
  /// stack is back, whichever comes later.
  static StackPool& current();

  /// The size of the stacks of pools that are made from now on; `kStackSize` at the start. Any
  /// thread.
  static void set_default_size(std::size_t bytes) noexcept;
  static std::size_t default_size() noexcept;

  /// A stack. Throws `std::system_error` when the kernel refuses the memory.
  StackPtr take();

  /// How many returned stacks keep their pages (1,024 at the start; 0 counts as 1). The others give
  /// theirs back.
  void set_warm_limit(std::size_t stacks) noexcept { warm_limit_ = stacks == 0 ? 1 : stacks; }

  /// Usable bytes of each stack.
  std::size_t stack_size() const noexcept { return size_; }

  struct Statistics {
    std::size_t out = 0;        ///< stacks that are taken
    std::size_t warm = 0;       ///< in the pool, with their pages
    std::size_t cold = 0;       ///< in the pool, without
    std::size_t unguarded = 0;  ///< stacks for which the kernel refused a guard; they work without
  };
  const Statistics& statistics() const noexcept { return statistics_; }

  /// The stack of this thread in whose guard `address` lies, or null. Async-signal-safe.
  static const Stack* find_guard(const void* address) noexcept;

 private:
  friend struct ReturnStack;
  struct Slab;
  struct OfThread;

  void add_slab();
  void put(Stack& stack) noexcept;
  void chill(Stack& stack) noexcept;

  std::size_t size_;
  std::size_t stride_;  // from one slot to the next: guard and stack
  std::size_t warm_limit_ = 1024;
  Statistics statistics_;
  List<Stack> warm_;  // the front was used last
  List<Stack> cold_;
  std::vector<std::unique_ptr<Slab>> slabs_;
  std::size_t unused_ = 0;     // slots of the last slab that were never taken
  bool thread_ended_ = false;  // then the last stack that comes back deletes the pool
  StackPool* next_ = nullptr;  // the thread's other pools, for find_guard
};

}  // namespace simul
