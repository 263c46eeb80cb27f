#include "runtime/fiber/stack.hpp"

#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cassert>
#include <cstdint>
#include <string>
#include <utility>

#include "runtime/base/error.hpp"
#include "runtime/fiber/overflow.hpp"

namespace simul {

namespace {

// Linux 6.13. It marks the page in the page table, while mprotect cuts the mapping in two: a
// process may have only 65,530 mappings (vm.max_map_count), too few for as many guards.
constexpr int kGuardInstall = 102;

constexpr std::size_t kSlots = 256;  // of a slab: 17 MiB of addresses with the default size

std::atomic<std::size_t> default_stack_size{kStackSize};

std::size_t page() {
  static const auto size = static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
  return size;
}

std::size_t round_up(std::size_t bytes, std::size_t unit) {
  return (bytes + unit - 1) / unit * unit;
}

// Where it has to be mprotect, only this many stacks of the process get a guard: at two mappings
// each, half of them stay free for everything else that asks for memory.
constexpr std::size_t kMostProtected = 16'000;
std::atomic<std::size_t> protected_stacks{0};

// The thread's pools: the one of current(), and any others.
constinit thread_local StackPool* first_pool = nullptr;

}  // namespace

struct StackPool::Slab {
  std::byte* memory = nullptr;
  std::size_t bytes = 0;
  std::size_t protected_here = 0;
  Stack stacks[kSlots];

  ~Slab() {
    if (memory != nullptr) ::munmap(memory, bytes);
    protected_stacks -= protected_here;
  }

  bool guard(std::byte* address) noexcept {
    if (::madvise(address, page(), kGuardInstall) == 0) return true;
    if (protected_stacks >= kMostProtected) return false;
    if (::mprotect(address, page(), PROT_NONE) != 0) return false;
    ++protected_here;
    ++protected_stacks;
    return true;
  }
};

std::size_t Stack::touched() const {
  const auto begin = reinterpret_cast<std::uintptr_t>(bottom_);
  const auto end = round_up(reinterpret_cast<std::uintptr_t>(top_), page());
  std::vector<unsigned char> present((end - begin) / page());
  check(::mincore(bottom_, end - begin, present.data()), "mincore of a stack");
  const auto deepest = std::find_if(present.begin(), present.end(),
                                    [](unsigned char state) { return (state & 1) != 0; });
  const auto untouched = static_cast<std::size_t>(deepest - present.begin()) * page();
  return untouched >= size() ? 0 : size() - untouched;
}

void ReturnStack::operator()(Stack* stack) const noexcept {
  stack->pool_->put(*stack);
}

void StackPool::set_default_size(std::size_t bytes) noexcept {
  default_stack_size = bytes;
}
std::size_t StackPool::default_size() noexcept {
  return default_stack_size;
}

StackPool::StackPool(std::size_t size)
    : size_(round_up(std::max<std::size_t>(size, 16 * 1024), page())),
      stride_(size_ + page()),
      next_(first_pool) {
  static thread_local OverflowReport report;
  first_pool = this;
}

StackPool::~StackPool() {
  assert(statistics_.out == 0);
  // A pool that outlives its thread's list (see OfThread) may be on none.
  for (StackPool** link = &first_pool; *link != nullptr; link = &(*link)->next_) {
    if (*link != this) continue;
    *link = next_;
    break;
  }
}

// Fibers that live to the end of the thread give their stacks back from destructors that may run
// after this one, so the pool waits for them.
struct StackPool::OfThread {
  StackPool* pool = nullptr;
  ~OfThread() {
    if (pool == nullptr) return;
    if (pool->statistics_.out == 0)
      delete pool;
    else
      pool->thread_ended_ = true;
    pool = nullptr;
  }
};

StackPool& StackPool::current() {
  static thread_local OfThread of_thread;
  if (of_thread.pool == nullptr) of_thread.pool = new StackPool;
  return *of_thread.pool;
}

void StackPool::add_slab() {
  auto slab = std::make_unique<Slab>();
  const std::size_t bytes = kSlots * stride_;
  void* memory = ::mmap(nullptr, bytes, PROT_READ | PROT_WRITE,
                        MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_STACK, -1, 0);
  if (memory == MAP_FAILED) {
    throw_errno("mmap " + std::to_string(bytes / 1024) + " KiB for stacks");
  }
  slab->memory = static_cast<std::byte*>(memory);
  slab->bytes = bytes;
  // A huge page would make the first touch of one stack cost 2 MiB.
  ::madvise(memory, bytes, MADV_NOHUGEPAGE);
  slabs_.push_back(std::move(slab));
  unused_ = kSlots;
}

StackPtr StackPool::take() {
  if (Stack* warm = warm_.pop_front()) {
    --statistics_.warm;
    ++statistics_.out;
    return StackPtr(warm);
  }
  if (Stack* cold = cold_.pop_front()) {
    --statistics_.cold;
    ++statistics_.out;
    return StackPtr(cold);
  }
  if (unused_ == 0) add_slab();
  Slab& slab = *slabs_.back();
  const std::size_t index = kSlots - unused_--;
  Stack& stack = slab.stacks[index];
  std::byte* slot = slab.memory + index * stride_;
  if (!slab.guard(slot)) ++statistics_.unguarded;
  stack.pool_ = this;
  stack.bottom_ = slot + page();
  stack.top_ = slot + stride_;
  ++statistics_.out;
  return StackPtr(&stack);
}

void StackPool::put(Stack& stack) noexcept {
  // The caller may be standing on this very stack, on its way to leave it: its memory is not
  // touched here. The one that grows cold is the one that was used longest ago.
  stack.owner_ = nullptr;
  warm_.push_front(stack);
  ++statistics_.warm;
  --statistics_.out;
  if (statistics_.warm > warm_limit_) chill(*warm_.back());
  if (thread_ended_ && statistics_.out == 0) delete this;
}

void StackPool::chill(Stack& stack) noexcept {
  ::madvise(stack.bottom_, stack.size(), MADV_DONTNEED);
  stack.unlink();
  cold_.push_front(stack);
  --statistics_.warm;
  ++statistics_.cold;
}

const Stack* StackPool::find_guard(const void* address) noexcept {
  const auto* fault = static_cast<const std::byte*>(address);
  for (const StackPool* pool = first_pool; pool != nullptr; pool = pool->next_) {
    for (const auto& slab : pool->slabs_) {
      if (fault < slab->memory || fault >= slab->memory + slab->bytes) continue;
      const auto offset = static_cast<std::size_t>(fault - slab->memory);
      if (offset % pool->stride_ >= page()) return nullptr;
      return &slab->stacks[offset / pool->stride_];
    }
  }
  return nullptr;
}

}  // namespace simul
