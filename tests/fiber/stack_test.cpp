// The promises of stacks (runtime/fiber/stack.hpp) and of the overflow report (overflow.hpp).
#include "runtime/fiber/stack.hpp"

#include <gtest/gtest.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

#include <csignal>
#include <cstdint>
#include <cstring>
#include <fstream>
#include <set>
#include <string>
#include <system_error>
#include <thread>
#include <vector>

#include "runtime/fiber/annotate.hpp"
#include "runtime/fiber/context.hpp"

namespace simul {
namespace {

#if defined(SIMUL_ASAN) || defined(SIMUL_TSAN)
constexpr bool kSanitized = true;
#else
constexpr bool kSanitized = false;
#endif

std::size_t page() {
  return static_cast<std::size_t>(sysconf(_SC_PAGESIZE));
}

void touch(Stack& stack, std::size_t bytes) {
  for (std::size_t i = 1; i <= bytes; i += 64) *(stack.top() - i) = std::byte{1};
}

/// How many mappings this process has: what vm.max_map_count limits.
std::size_t mappings() {
  std::ifstream maps("/proc/self/maps");
  std::size_t count = 0;
  for (std::string line; std::getline(maps, line);) ++count;
  return count;
}

bool kernel_marks_guards() {
  void* memory = mmap(nullptr, page(), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  const bool marks = madvise(memory, page(), 102) == 0;
  munmap(memory, page());
  return marks;
}

TEST(Stack, HasTheSizeAskedForInWholePagesAndAnAlignedTop) {
  StackPool pool(100'000);
  const StackPtr stack = pool.take();
  EXPECT_GE(stack->size(), 100'000u);
  EXPECT_LT(stack->size(), 100'000u + page());
  EXPECT_EQ(stack->size(), pool.stack_size());
  EXPECT_EQ(stack->top() - stack->bottom(), static_cast<std::ptrdiff_t>(stack->size()));
  EXPECT_EQ(reinterpret_cast<std::uintptr_t>(stack->top()) % 64, 0u);
}

TEST(Stack, CanBeWrittenFromEndToEnd) {
  StackPool pool;
  const StackPtr first = pool.take();
  const StackPtr second = pool.take();
  std::memset(first->bottom(), 1, first->size());
  std::memset(second->bottom(), 2, second->size());
  EXPECT_EQ(*first->bottom(), std::byte{1});
  EXPECT_EQ(*(first->top() - 1), std::byte{1});
}

TEST(Stack, TooSmallASizeIsRaisedToOneThatWorks) {
  StackPool pool(1);
  EXPECT_GE(pool.take()->size(), 16'384u);
}

TEST(Stack, HoldsOnlyThePagesThatWereTouched) {
  StackPool pool;
  const StackPtr stack = pool.take();
  EXPECT_EQ(stack->touched(), 0u);
  touch(*stack, 1);
  EXPECT_EQ(stack->touched(), page());
  touch(*stack, page() + 1);
  EXPECT_EQ(stack->touched(), 2 * page());
}

TEST(Stack, GuardIsFoundByAddressAndOnlyTheGuard) {
  StackPool pool;
  const StackPtr stack = pool.take();
  EXPECT_EQ(StackPool::find_guard(stack->bottom() - 1), stack.get());
  EXPECT_EQ(StackPool::find_guard(stack->bottom() - page()), stack.get());
  EXPECT_EQ(StackPool::find_guard(stack->bottom()), nullptr);
  EXPECT_EQ(StackPool::find_guard(stack->top() - 1), nullptr);
  EXPECT_EQ(StackPool::find_guard(nullptr), nullptr);
  EXPECT_EQ(StackPool::find_guard(&pool), nullptr);
}

TEST(StackPool, TakesTheStackUsedLastFirst) {
  StackPool pool;
  StackPtr a = pool.take();
  StackPtr b = pool.take();
  const Stack* first = a.get();
  const Stack* last = b.get();
  a.reset();
  b.reset();
  const StackPtr again = pool.take();
  const StackPtr and_again = pool.take();
  EXPECT_EQ(again.get(), last);
  EXPECT_EQ(and_again.get(), first);
}

TEST(StackPool, AStackComesBackWithoutItsOwner) {
  StackPool pool;
  StackPtr stack = pool.take();
  stack->set_owner("somebody");
  stack.reset();
  EXPECT_EQ(pool.take()->owner(), nullptr);
}

TEST(StackPool, OnlyTheWarmOnesKeepTheirPages) {
  StackPool pool;
  pool.set_warm_limit(2);
  std::vector<StackPtr> stacks;
  for (int i = 0; i < 5; ++i) {
    stacks.push_back(pool.take());
    touch(*stacks.back(), 3 * page());
  }
  EXPECT_EQ(pool.statistics().out, 5u);
  stacks.clear();
  EXPECT_EQ(pool.statistics().out, 0u);
  EXPECT_EQ(pool.statistics().warm, 2u);
  EXPECT_EQ(pool.statistics().cold, 3u);

  std::size_t with_pages = 0;
  for (int i = 0; i < 5; ++i) {
    stacks.push_back(pool.take());
    if (stacks.back()->touched() > 0) ++with_pages;
  }
  EXPECT_EQ(with_pages, 2u);
}

TEST(StackPool, TheStackGivenBackLastKeepsItsPagesForItsUserMayStillStandOnIt) {
  StackPool pool;
  pool.set_warm_limit(0);
  for (int i = 0; i < 3; ++i) {
    StackPtr a = pool.take();
    StackPtr b = pool.take();
    std::memset(a->bottom(), 7, a->size());
    std::memset(b->bottom(), 8, b->size());
    Stack& last = *b;
    a.reset();
    b.reset();
    EXPECT_EQ(*last.bottom(), std::byte{8});
  }
}

TEST(StackPool, AHundredThousandStacksAtOnceTakeFewMappings) {
  const std::size_t count = kSanitized ? 2'000 : 100'000;
  const std::size_t before = mappings();
  StackPool pool;
  std::vector<StackPtr> stacks;
  std::set<const std::byte*> tops;
  for (std::size_t i = 0; i < count; ++i) {
    stacks.push_back(pool.take());
    tops.insert(stacks.back()->top());
  }
  EXPECT_EQ(tops.size(), count);
  if (!kernel_marks_guards()) GTEST_SKIP() << "this kernel has no MADV_GUARD_INSTALL";
  EXPECT_EQ(pool.statistics().unguarded, 0u);
  EXPECT_LT(mappings() - before, 1'000u);
}

TEST(StackPool, RefusedMemoryIsAnErrorThatSaysWhatWasAsked) {
  if (kSanitized) GTEST_SKIP() << "a sanitizer needs its own address space";
  StackPool pool(1 << 20);
  rlimit before;
  getrlimit(RLIMIT_AS, &before);
  rlimit tight = before;
  tight.rlim_cur = std::size_t{1} << 27;
  ASSERT_EQ(setrlimit(RLIMIT_AS, &tight), 0);
  std::string message;
  try {
    pool.take();
  } catch (const std::system_error& error) {
    message = error.what();
  }
  setrlimit(RLIMIT_AS, &before);
  EXPECT_NE(message.find("for stacks: Cannot allocate memory"), std::string::npos) << message;
  EXPECT_NE(pool.take(), nullptr);
}

TEST(StackPool, OfAThreadIsGivenBackWhenTheThreadEnds) {
  if (kSanitized) GTEST_SKIP() << "a sanitizer maps memory of its own for each thread";
  const auto in_a_thread = [] {
    std::thread([] {
      const StackPtr stack = StackPool::current().take();
      touch(*stack, 1);
    }).join();
  };
  in_a_thread();  // whatever a first thread leaves behind for good
  const std::size_t before = mappings();
  for (int i = 0; i < 20; ++i) in_a_thread();
  EXPECT_LE(mappings(), before + 2);
}

TEST(StackPool, OfAThreadWaitsForStacksThatComeBackLate) {
  std::thread([] {
    static thread_local StackPtr late;  // made before the pool, so destroyed after it
    late.reset();
    late = StackPool::current().take();
  }).join();
}

TEST(StackPool, IsEachThreadsOwn) {
  const StackPool* here = &StackPool::current();
  const StackPool* there = nullptr;
  std::thread([&] { there = &StackPool::current(); }).join();
  EXPECT_NE(here, there);
  EXPECT_EQ(here, &StackPool::current());
}

TEST(StackPool, DefaultSizeIsThatOfThePoolsMadeLater) {
  const std::size_t before = StackPool::default_size();
  StackPool::set_default_size(1 << 20);
  EXPECT_EQ(StackPool().stack_size(), std::size_t{1} << 20);
  StackPool::set_default_size(before);
  EXPECT_EQ(StackPool().stack_size(), before);
}

// ---- Overflow -----------------------------------------------------------------------------------

#if !defined(SIMUL_ASAN)
// Stands for a handler that a program had before it made its first fiber.
[[maybe_unused]] const bool earlier_handler_installed = [] {
  struct sigaction action {};
  action.sa_flags = SA_SIGINFO | SA_ONSTACK;
  action.sa_sigaction = [](int, siginfo_t*, void*) {
    const char text[] = "the handler that was there before\n";
    if (write(STDERR_FILENO, text, sizeof text - 1) < 0) _exit(43);
    _exit(42);
  };
  return sigaction(SIGSEGV, &action, nullptr) == 0;
}();
#endif

[[gnu::noinline]] std::size_t recurse(std::size_t depth) {
  volatile char frame[512];
  frame[depth % sizeof frame] = 1;
  if (depth == 0) return 0;
  return recurse(depth - 1) + static_cast<std::size_t>(frame[depth % sizeof frame]);
}

/// Runs a recursion of `depth` on a stack that belongs to `owner`.
void run_on_stack(const char* owner, std::size_t depth) {
  struct rlimit no_core {};
  setrlimit(RLIMIT_CORE, &no_core);
  static thread_local Context home;
  Context context;
  const StackPtr stack = StackPool::current().take();
  stack->set_owner(owner);
  context.prepare(
      *stack,
      [](void* argument) -> Context& {
        *static_cast<std::size_t*>(argument) = recurse(*static_cast<std::size_t*>(argument));
        return home;
      },
      &depth);
  Context::switch_to(home, context);
}

constexpr std::size_t kTooDeep = 1'000'000;

#define SKIP_UNDER_ASAN() \
  if (!StackOverflow::kReported) GTEST_SKIP() << "AddressSanitizer reports overflows itself"

class StackOverflow : public testing::Test {
 protected:
#if defined(SIMUL_ASAN)
  static constexpr bool kReported = false;
#else
  static constexpr bool kReported = true;
#endif
};

TEST_F(StackOverflow, DoesNotHappenInAnOrdinaryRecursion) {
  run_on_stack("careful", 50);
}

TEST_F(StackOverflow, IsReportedByNameAndKillsByTheOriginalSignal) {
  SKIP_UNDER_ASAN();
  const std::string size = std::to_string(StackPool::current().stack_size() / 1024);
  EXPECT_EXIT(run_on_stack("Task One", kTooDeep), testing::KilledBySignal(SIGSEGV),
              "^fiber 'Task One' overflowed its stack of " + size + " KiB: .+\n$");
}

TEST_F(StackOverflow, OfSomebodyWithoutANameIsReportedToo) {
  SKIP_UNDER_ASAN();
  EXPECT_EXIT(run_on_stack(nullptr, kTooDeep), testing::KilledBySignal(SIGSEGV),
              "^a fiber overflowed its stack");
}

TEST_F(StackOverflow, IsReportedInEveryThread) {
  SKIP_UNDER_ASAN();
  EXPECT_EXIT(std::thread([] { run_on_stack("far away", kTooDeep); }).join(),
              testing::KilledBySignal(SIGSEGV), "^fiber 'far away' overflowed");
}

TEST_F(StackOverflow, AnyOtherFaultGoesToTheHandlerThatWasThereBefore) {
  SKIP_UNDER_ASAN();
  const auto fault = [] {
    run_on_stack("innocent", 1);
    auto* nowhere = mmap(nullptr, 1, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    *static_cast<volatile char*>(nowhere) = 1;
  };
  EXPECT_EXIT(fault(), testing::ExitedWithCode(42), "the handler that was there before");
}

TEST_F(StackOverflow, ASignalSentByHandIsNoOverflow) {
  SKIP_UNDER_ASAN();
  const auto send = [] {
    run_on_stack("innocent", 1);
    raise(SIGSEGV);
  };
  EXPECT_EXIT(send(), testing::ExitedWithCode(42), "the handler that was there before");
}

TEST_F(StackOverflow, ASignalThatWasNotHandledBeforeStillKills) {
  if (kSanitized) GTEST_SKIP() << "the sanitizers handle SIGBUS";
  const auto send = [] {
    run_on_stack("innocent", 1);
    raise(SIGBUS);
  };
  EXPECT_EXIT(send(), testing::KilledBySignal(SIGBUS), "");
}

}  // namespace
}  // namespace simul
