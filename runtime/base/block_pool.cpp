#include "runtime/base/block_pool.hpp"

#include <mutex>
#include <new>
#include <utility>

namespace simul {

// A thread's claim on a pool, from its first block to its end. What is never destroyed is `Unused`:
// blocks may go after static objects have.
class BlockPool::Lease {
 public:
  Lease() {
    Unused& unused = Unused::get();
    const std::lock_guard lock(unused.mutex);
    mine_ =
        unused.first != nullptr ? std::exchange(unused.first, unused.first->next_) : new BlockPool;
  }
  ~Lease() {
    Unused& unused = Unused::get();
    const std::lock_guard lock(unused.mutex);
    mine_->next_ = std::exchange(unused.first, mine_);
    mine_ = nullptr;
  }

  // The pools that no thread has, and one for blocks that come and go while a thread ends.
  struct Unused {
    std::mutex mutex;
    BlockPool* first = nullptr;
    BlockPool late;
    static Unused& get() {
      static auto* unused = new Unused;
      return *unused;
    }
  };
};

void* BlockPool::take_without_pool(std::size_t list) {
  thread_local Lease lease;  // the first time, this makes `mine_`
  if (mine_ != nullptr) return mine_->pop(list);
  Lease::Unused& unused = Lease::Unused::get();
  const std::lock_guard lock(unused.mutex);
  return unused.late.pop(list);
}

void BlockPool::give_without_pool(void* block, std::size_t list) noexcept {
  Lease::Unused& unused = Lease::Unused::get();
  const std::lock_guard lock(unused.mutex);
  unused.late.push(block, list);
}

// What is left of a slab that is too small now is lost: less than the largest size in every 64.
void* BlockPool::cut(std::size_t bytes) {
  if (slab_left_ < bytes) {
    slab_ = static_cast<char*>(::operator new(kSlab));
    slab_left_ = kSlab;
  }
  slab_left_ -= bytes;
  return std::exchange(slab_, slab_ + bytes);
}

}  // namespace simul
