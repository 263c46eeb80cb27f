// The promises of a switch of stacks (runtime/fiber/context.hpp, thread_state.hpp).
#include "runtime/fiber/context.hpp"

#include <gtest/gtest.h>
#include <unwind.h>

#include <cerrno>
#include <cfenv>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <exception>
#include <functional>
#include <memory>
#include <random>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

namespace simul {
namespace {

/// A context with a stack, which runs a function that may give way to the test.
class Line {
 public:
  explicit Line(std::function<void(Line&)> body)
      : body_(std::move(body)), stack_(StackPool::current().take()) {
    context_.prepare(*stack_, run, this);
  }

  /// Runs the line until it gives way or ends.
  void go_on() { Context::switch_to(home_, context_); }
  /// On the line: back to whoever called `go_on`.
  void give_way() { Context::switch_to(context_, home_); }
  /// On the line: straight on to another one, which goes home to our home.
  void give_way_to(Line& other) { Context::switch_to(context_, other.context_); }

  bool ended() const { return ended_; }
  Stack& stack() { return *stack_; }

 private:
  static Context& run(void* self) {
    Line& line = *static_cast<Line*>(self);
    line.body_(line);
    line.ended_ = true;
    return home_;
  }

  static inline thread_local Context home_;
  std::function<void(Line&)> body_;
  StackPtr stack_;
  Context context_;
  bool ended_ = false;
};

TEST(Context, RunsTheEntryOnTheNextSwitchAndNotBefore) {
  bool ran = false;
  Line line([&](Line&) { ran = true; });
  EXPECT_FALSE(ran);
  line.go_on();
  EXPECT_TRUE(ran);
  EXPECT_TRUE(line.ended());
}

TEST(Context, GoesOnWhereItLeftWithItsLocalVariables) {
  std::string log;
  Line line([&](Line& self) {
    for (int i = 0; i < 3; ++i) {
      log += std::to_string(i);
      self.give_way();
    }
  });
  for (int i = 0; i < 4; ++i) {
    log += 'm';
    line.go_on();
  }
  EXPECT_EQ(log, "m0m1m2m");
  EXPECT_TRUE(line.ended());
}

TEST(Context, SwitchesDirectlyFromOneToAnother) {
  std::string log;
  Line second([&](Line&) { log += 'b'; });
  Line first([&](Line& self) {
    log += 'a';
    self.give_way_to(second);
    log += 'c';
  });
  first.go_on();
  EXPECT_EQ(log, "ab");
  first.go_on();
  EXPECT_EQ(log, "abc");
}

TEST(Context, EndsInTheContextThatItsEntryReturns) {
  static thread_local Context home, first, second;
  static thread_local std::string log;
  const StackPtr a = StackPool::current().take();
  const StackPtr b = StackPool::current().take();
  second.prepare(
      *b, [](void*) -> Context& { return log += 'b', home; }, nullptr);
  first.prepare(
      *a, [](void*) -> Context& { return log += 'a', second; }, nullptr);
  Context::switch_to(home, first);
  EXPECT_EQ(log, "ab");
}

TEST(Context, RunsOnItsOwnStackAlignedAsTheAbiWants) {
  std::uintptr_t frame = 0;
  char text[64] = "";
  Line line([&](Line&) {
    frame = reinterpret_cast<std::uintptr_t>(__builtin_frame_address(0));
    // The C library saves vector registers at aligned addresses here and crashes otherwise.
    std::snprintf(text, sizeof text, "%.3f %.3Lf", 1.5, 2.5L);
  });
  line.go_on();
  EXPECT_GE(frame, reinterpret_cast<std::uintptr_t>(line.stack().bottom()));
  EXPECT_LT(frame, reinterpret_cast<std::uintptr_t>(line.stack().top()));
  EXPECT_EQ(frame % 16, 0u);
  EXPECT_STREQ(text, "1.500 2.500");
}

TEST(Context, TouchesAtMostTwoPagesWhenItWaitsAtOnce) {
  // Bare, without the std::function: what a parked fiber cannot do without.
  static thread_local Context home, context;
  StackPool pool;
  const StackPtr stack = pool.take();
  context.prepare(
      *stack,
      [](void*) -> Context& {
        Context::switch_to(context, home);
        return home;
      },
      nullptr);
  Context::switch_to(home, context);
#if !defined(SIMUL_ASAN) && !defined(SIMUL_TSAN)
  EXPECT_LE(stack->touched(), 2 * 4096u);
#endif
  Context::switch_to(home, context);
}

TEST(Context, CanBePreparedAgainOnTheSameStackAndOnAnother) {
  static thread_local Context home;
  static thread_local int runs = 0;
  Context context;
  const auto entry = [](void*) -> Context& { return ++runs, home; };
  const StackPtr a = StackPool::current().take();
  const StackPtr b = StackPool::current().take();
  for (Stack* stack : {a.get(), a.get(), b.get(), a.get()}) {
    context.prepare(*stack, entry, nullptr);
    Context::switch_to(home, context);
  }
  EXPECT_EQ(runs, 4);
}

TEST(Context, ThatIsAbandonedLeavesAStackThatCanBeUsedAgain) {
  for (int i = 0; i < 10; ++i) {
    Line line([](Line& self) {
      volatile char deep[2000];
      std::memset(const_cast<char*>(deep), 1, sizeof deep);
      self.give_way();
      ADD_FAILURE() << "nobody goes on here";
    });
    line.go_on();
  }
}

TEST(Context, ThousandsInRandomOrderKeepTheirOwnCounts) {
  const std::size_t count = 1'000;
  std::mt19937 random(20251121);
  std::vector<int> counted(count);
  std::vector<std::unique_ptr<Line>> lines;
  for (std::size_t i = 0; i < count; ++i) {
    lines.push_back(std::make_unique<Line>([&counted, i](Line& self) {
      for (int local = 1; local <= 20; ++local) {
        ++counted[i];
        ASSERT_EQ(counted[i], local);
        self.give_way();
      }
    }));
  }
  std::vector<std::size_t> order;
  for (std::size_t i = 0; i < count; ++i) order.insert(order.end(), 21, i);
  std::shuffle(order.begin(), order.end(), random);
  for (const std::size_t i : order) lines[i]->go_on();
  for (const auto& line : lines) EXPECT_TRUE(line->ended());
}

// ---- Registers ----------------------------------------------------------------------------------

#if defined(__x86_64__)
// Fills every register that a function must preserve with `in`, calls `function(argument)` and
// writes what the registers hold afterwards to `out`. Six words each: rbx, rbp, r12 to r15.
//   rdi: in   rsi: out   rdx: function   rcx: argument
asm(R"(
.text
.type call_with_canaries, @function
call_with_canaries:
    pushq %rbx
    pushq %rbp
    pushq %r12
    pushq %r13
    pushq %r14
    pushq %r15
    pushq %rsi
    movq 0(%rdi), %rbx
    movq 8(%rdi), %rbp
    movq 16(%rdi), %r12
    movq 24(%rdi), %r13
    movq 32(%rdi), %r14
    movq 40(%rdi), %r15
    movq %rcx, %rdi
    callq *%rdx
    popq %rsi
    movq %rbx, 0(%rsi)
    movq %rbp, 8(%rsi)
    movq %r12, 16(%rsi)
    movq %r13, 24(%rsi)
    movq %r14, 32(%rsi)
    movq %r15, 40(%rsi)
    popq %r15
    popq %r14
    popq %r13
    popq %r12
    popq %rbp
    popq %rbx
    ret
.size call_with_canaries, .-call_with_canaries
)");
extern "C" void call_with_canaries(const std::uint64_t* in, std::uint64_t* out,
                                   void (*function)(void*), void* argument);

TEST(Context, KeepsEveryPreservedRegisterOnBothSides) {
  std::mt19937_64 random(7);
  const auto canaries = [&random](void (*function)(void*), void* argument) {
    std::uint64_t in[6], out[6] = {};
    for (auto& word : in) word = random();
    call_with_canaries(in, out, function, argument);
    for (int i = 0; i < 6; ++i) ASSERT_EQ(in[i], out[i]) << "register " << i;
  };
  std::vector<std::unique_ptr<Line>> lines;
  for (int i = 0; i < 100; ++i) {
    lines.push_back(std::make_unique<Line>([&](Line& self) {
      for (int k = 0; k < 50; ++k) {
        canaries([](void* line) { static_cast<Line*>(line)->give_way(); }, &self);
      }
    }));
  }
  for (int k = 0; k < 5'000; ++k) {
    Line& line = *lines[random() % lines.size()];
    if (line.ended()) continue;
    canaries([](void* other) { static_cast<Line*>(other)->go_on(); }, &line);
  }
}

/// The control bits of both floating-point units: rounding and exception masks.
struct Modes {
  std::uint16_t x87;
  std::uint32_t sse;
  static Modes now() {
    Modes modes{};
    asm volatile("fnstcw %0" : "=m"(modes.x87));
    asm volatile("stmxcsr %0" : "=m"(modes.sse));
    modes.sse &= 0x7f80;
    return modes;
  }
  bool operator==(const Modes&) const = default;
};
#else
struct Modes {
  int rounding;
  static Modes now() { return {std::fegetround()}; }
  bool operator==(const Modes&) const = default;
};
#endif

TEST(Context, KeepsTheFloatingPointModesOfEachLine) {
  const Modes plain = Modes::now();
  const int all_modes[] = {FE_UPWARD, FE_DOWNWARD, FE_TOWARDZERO, FE_TONEAREST};
  std::vector<std::unique_ptr<Line>> lines;
  for (const int mode : all_modes) {
    lines.push_back(std::make_unique<Line>([mode, plain](Line& self) {
      EXPECT_EQ(Modes::now(), plain) << "a line begins with the modes of whoever prepared it";
      std::fesetround(mode);
      const Modes mine = Modes::now();
      for (int k = 0; k < 3; ++k) {
        self.give_way();
        EXPECT_EQ(std::fegetround(), mode);
        EXPECT_EQ(Modes::now(), mine);
      }
    }));
  }
  for (int k = 0; k < 4; ++k) {
    for (auto& line : lines) {
      line->go_on();
      EXPECT_EQ(Modes::now(), plain);
    }
  }
}

#if defined(__GLIBC__)
TEST(Context, KeepsTheFloatingPointExceptionMasksOfEachLine) {
  const Modes plain = Modes::now();
  Line line([&](Line& self) {
    feenableexcept(FE_DIVBYZERO);
    const Modes mine = Modes::now();
    self.give_way();
    EXPECT_EQ(Modes::now(), mine);
    EXPECT_EQ(fegetexcept(), FE_DIVBYZERO);
  });
  line.go_on();
  EXPECT_EQ(fegetexcept(), 0);
  EXPECT_EQ(Modes::now(), plain);
  line.go_on();
  EXPECT_EQ(Modes::now(), plain);
}
#endif

TEST(Context, ANewLineDoesNotInheritTheModesOfTheStacksLastUser) {
  StackPool::current();
  {
    Line line([](Line&) { std::fesetround(FE_UPWARD); });
    line.go_on();
  }
  EXPECT_EQ(std::fegetround(), FE_TONEAREST);
  Line next([](Line&) { EXPECT_EQ(std::fegetround(), FE_TONEAREST); });
  next.go_on();
}

// ---- Exceptions and errno -----------------------------------------------------------------------

TEST(Context, ThrowsAndCatchesWithinALine) {
  std::string caught;
  Line line([&](Line& self) {
    for (int i = 0; i < 3; ++i) {
      try {
        throw std::runtime_error("number " + std::to_string(i));
      } catch (const std::exception& error) {
        caught += error.what();
        caught += "; ";
      }
      self.give_way();
    }
  });
  for (int i = 0; i < 4; ++i) line.go_on();
  EXPECT_EQ(caught, "number 0; number 1; number 2; ");
}

TEST(Context, ASwitchInsideACatchBlockKeepsEachSidesException) {
  const auto body = [](const char* name) {
    return [name](Line& self) {
      try {
        throw std::runtime_error(name);
      } catch (const std::exception&) {
        self.give_way();
        try {
          throw;  // must be ours, though others have thrown and caught since
        } catch (const std::exception& error) {
          EXPECT_STREQ(error.what(), name);
          self.give_way();
        }
        EXPECT_NE(std::current_exception(), nullptr);
      }
      EXPECT_EQ(std::current_exception(), nullptr);
    };
  };
  Line a(body("a")), b(body("b"));
  try {
    throw std::runtime_error("main");
  } catch (const std::exception&) {
    for (int i = 0; i < 3; ++i) {
      a.go_on();
      b.go_on();
    }
    try {
      throw;
    } catch (const std::exception& error) {
      EXPECT_STREQ(error.what(), "main");
    }
  }
  EXPECT_TRUE(a.ended());
  EXPECT_TRUE(b.ended());
  EXPECT_EQ(std::current_exception(), nullptr);
}

TEST(Context, ASwitchInADestructorKeepsTheCountOfUncaughtExceptions) {
  struct GivesWay {
    Line& line;
    ~GivesWay() {
      EXPECT_EQ(std::uncaught_exceptions(), 1);
      line.give_way();
      EXPECT_EQ(std::uncaught_exceptions(), 1);
    }
  };
  Line line([](Line& self) {
    EXPECT_EQ(std::uncaught_exceptions(), 0);
    try {
      const GivesWay gives_way{self};
      throw std::runtime_error("unwinding");
    } catch (const std::exception& error) {
      EXPECT_STREQ(error.what(), "unwinding");
    }
    EXPECT_EQ(std::uncaught_exceptions(), 0);
  });
  line.go_on();
  EXPECT_EQ(std::uncaught_exceptions(), 0);
  Line other([](Line&) { EXPECT_EQ(std::uncaught_exceptions(), 0); });
  other.go_on();
  line.go_on();
  EXPECT_TRUE(line.ended());
}

TEST(Context, AnEntryStartedInsideACatchBlockBeginsWithoutException) {
  try {
    throw 1;
  } catch (int) {
    Line line([](Line&) { EXPECT_EQ(std::current_exception(), nullptr); });
    line.go_on();
    EXPECT_NE(std::current_exception(), nullptr);
  }
}

TEST(Context, ErrnoStaysWithItsLine) {
  Line line([](Line& self) {
    EXPECT_EQ(errno, 0);
    errno = EAGAIN;
    self.give_way();
    EXPECT_EQ(errno, EAGAIN);
    self.give_way();
    EXPECT_EQ(errno, EAGAIN);
  });
  errno = ENOENT;
  line.go_on();
  EXPECT_EQ(errno, ENOENT);
  errno = EBADF;
  line.go_on();
  EXPECT_EQ(errno, EBADF);
  errno = EAGAIN;
  line.go_on();
  EXPECT_EQ(errno, EAGAIN);
}

TEST(Context, ABacktraceEndsAtTheEntry) {
  int frames = 0;
  _Unwind_Reason_Code how = _URC_NO_REASON;
  Line line([&](Line&) {
    how = _Unwind_Backtrace(
        [](_Unwind_Context*, void* count) {
          return ++*static_cast<int*>(count) > 100 ? _URC_NORMAL_STOP : _URC_NO_REASON;
        },
        &frames);
  });
  line.go_on();
  EXPECT_EQ(how, _URC_END_OF_STACK);
  EXPECT_GE(frames, 2);
  EXPECT_LT(frames, 50);
}

TEST(Context, WorksInEveryThreadByItself) {
  std::vector<std::thread> threads;
  std::vector<int> sums(4);
  for (std::size_t t = 0; t < sums.size(); ++t) {
    threads.emplace_back([&sums, t] {
      Line line([&sums, t](Line& self) {
        for (int i = 0; i < 1'000; ++i) {
          ++sums[t];
          self.give_way();
        }
      });
      while (!line.ended()) line.go_on();
    });
  }
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(sums, std::vector<int>(4, 1'000));
}

}  // namespace
}  // namespace simul
