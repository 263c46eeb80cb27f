// Memory for small objects that come and go: one free list for each size, in each thread.
//
// A program that awaits makes and drops a coroutine frame with every call, and one that chains
// callbacks a link with each. Most are small, and the same few sizes come again and again. So a
// block that is given back waits, on the list of its size, for the next of its size; taking it and
// giving it back are a few instructions each. New blocks are cut from slabs, one beside the other,
// without a header between them.
//
//      size    16     32     48    ...   1024      larger ones come from operator new
//               |      |      |            |
//             free   free   free         free      the last one given back is taken first
//
// The memory is kept for further blocks. A thread that ends leaves its pool to one that starts.
// Under AddressSanitizer every block comes from operator new, so that one that is used after its
// end is found.
#pragma once

#include <cstddef>
#include <new>

#include "runtime/base/sanitizers.hpp"

namespace simul {

/// All functions: any thread. A block may be given back in another thread than it was taken in.
class BlockPool {
 public:
  /// `bytes` of memory, aligned as operator new does. Throws std::bad_alloc.
  static void* take(std::size_t bytes) {
    if (kBypassed || bytes > kLargest) return ::operator new(bytes);
    return mine_ != nullptr ? mine_->pop(list_of(bytes)) : take_without_pool(list_of(bytes));
  }

  /// Gives back what `take(bytes)` returned.
  static void give(void* block, std::size_t bytes) noexcept {
    if (kBypassed || bytes > kLargest) return ::operator delete(block);
    mine_ != nullptr ? mine_->push(block, list_of(bytes))
                     : give_without_pool(block, list_of(bytes));
  }

 private:
  struct Block {
    Block* next;
  };
  class Lease;
#if defined(SIMUL_ASAN)
  static constexpr bool kBypassed = true;
#else
  static constexpr bool kBypassed = false;
#endif
  static constexpr std::size_t kStep = 16;  // sizes differ by this
  static constexpr std::size_t kLargest = 1024;
  static constexpr std::size_t kSlab = 64 * 1024;
  static constexpr std::size_t list_of(std::size_t bytes) noexcept {
    return (bytes + kStep - 1) / kStep;
  }

  void* pop(std::size_t list) {
    Block* block = free_[list];
    if (block == nullptr) [[unlikely]]
      return cut(list * kStep);
    free_[list] = block->next;
    return block;
  }
  void push(void* block, std::size_t list) noexcept {
    free_[list] = new (block) Block{free_[list]};
  }
  void* cut(std::size_t bytes);
  static void* take_without_pool(std::size_t list);
  static void give_without_pool(void* block, std::size_t list) noexcept;

  /// Null before this thread's first block, and again when the thread ends.
  static inline constinit thread_local BlockPool* mine_ = nullptr;

  Block* free_[kLargest / kStep + 1] = {};
  char* slab_ = nullptr;  // the rest of the newest slab
  std::size_t slab_left_ = 0;
  BlockPool* next_ = nullptr;  // while no thread has it
};

}  // namespace simul
