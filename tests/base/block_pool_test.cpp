#include "runtime/base/block_pool.hpp"

#include <gtest/gtest.h>

#include <cstdint>
#include <cstring>
#include <thread>
#include <utility>
#include <vector>

#include "runtime/base/sanitizers.hpp"

namespace simul {
namespace {

struct Block {
  explicit Block(std::size_t size) : bytes(size), memory(BlockPool::take(size)) {
    std::memset(memory, 0x5a, bytes);  // a sanitizer or another block would notice
  }
  Block(Block&& other) noexcept
      : bytes(other.bytes), memory(std::exchange(other.memory, nullptr)) {}
  ~Block() {
    if (memory != nullptr) BlockPool::give(memory, bytes);
  }
  std::size_t bytes;
  void* memory;
};

TEST(BlockPool, GivesMemoryOfEverySizeAlignedAsOperatorNewDoes) {
  std::vector<Block> blocks;
  for (std::size_t size = 1; size < 5000; size += 7) {
    blocks.emplace_back(size);
    EXPECT_EQ(reinterpret_cast<std::uintptr_t>(blocks.back().memory) % 16, 0u) << size;
  }
}

TEST(BlockPool, ABlockThatWasGivenBackIsTakenNext) {
#if defined(SIMUL_ASAN)
  GTEST_SKIP() << "not pooled under AddressSanitizer";
#endif
  void* const first = BlockPool::take(100);
  BlockPool::give(first, 100);
  void* const second = BlockPool::take(112);  // the same list
  EXPECT_EQ(first, second);
  BlockPool::give(second, 112);
}

TEST(BlockPool, BlocksMayBeGivenBackInAnotherThread) {
  std::vector<Block> blocks;
  std::thread maker([&] {
    for (int i = 0; i < 1000; ++i) blocks.emplace_back(48);
  });
  maker.join();
}

TEST(BlockPool, BlocksMayGoAfterTheirThreadHasLeftItsPool) {
  std::thread thread([] {
    static thread_local std::vector<Block> late;  // made first, and so destroyed last
    late.reserve(10);
    for (int i = 0; i < 10; ++i) late.emplace_back(48);
  });
  thread.join();
}

TEST(BlockPool, ThreadsThatFollowOneAnotherShareOnePool) {
#if defined(SIMUL_ASAN)
  GTEST_SKIP() << "not pooled under AddressSanitizer";
#endif
  void* seen[2] = {};
  for (void*& block : seen) {
    std::thread thread([&] {
      block = BlockPool::take(1008);
      BlockPool::give(block, 1008);
    });
    thread.join();
  }
  EXPECT_EQ(seen[0], seen[1]);
}

}  // namespace
}  // namespace simul
