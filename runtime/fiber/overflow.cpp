#include "runtime/fiber/overflow.hpp"

#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <cstring>
#include <mutex>

#include "runtime/base/error.hpp"
#include "runtime/fiber/annotate.hpp"
#include "runtime/fiber/stack.hpp"

namespace simul {

namespace {

struct sigaction previous_segv;
struct sigaction previous_bus;

// Builds one line without allocating: nothing else is safe inside a signal handler.
class Line {
 public:
  void add(const char* text) noexcept {
    const std::size_t length = std::min(std::strlen(text), sizeof text_ - size_);
    std::memcpy(text_ + size_, text, length);
    size_ += length;
  }
  void add(std::size_t number) noexcept {
    const auto end = std::to_chars(text_ + size_, text_ + sizeof text_, number);
    if (end.ec == std::errc()) size_ = static_cast<std::size_t>(end.ptr - text_);
  }
  void write() const noexcept {
    if (::write(STDERR_FILENO, text_, size_) < 0) {
      // Nobody is left to be told.
    }
  }

 private:
  char text_[512];
  std::size_t size_ = 0;
};

void report(const Stack& stack) noexcept {
  Line line;
  if (stack.owner() != nullptr) {
    line.add("fiber '");
    line.add(stack.owner());
    line.add("'");
  } else {
    line.add("a fiber");
  }
  line.add(" overflowed its stack of ");
  line.add(stack.size() / 1024);
  line.add(
      " KiB: recurse less deeply, keep large arrays on the heap, or call "
      "StackPool::set_default_size() before the first fiber\n");
  line.write();
}

// Does what would have happened without us.
void pass_on(int number, siginfo_t* info, void* context) noexcept {
  const struct sigaction& previous = number == SIGSEGV ? previous_segv : previous_bus;
  if ((previous.sa_flags & SA_SIGINFO) != 0) return previous.sa_sigaction(number, info, context);
  if (previous.sa_handler != SIG_DFL && previous.sa_handler != SIG_IGN) {
    return previous.sa_handler(number);
  }
  struct sigaction fatal {};
  fatal.sa_handler = SIG_DFL;
  ::sigaction(number, &fatal, nullptr);
  // A real fault happens again as soon as we return. A signal that was sent (kill, raise) does not.
  if (info->si_code <= 0) ::raise(number);
}

void on_fault(int number, siginfo_t* info, void* context) {
  const int error = errno;
  const bool is_fault = info->si_code > 0;
  const Stack* stack = is_fault ? StackPool::find_guard(info->si_addr) : nullptr;
  if (stack != nullptr) {
    report(*stack);
    struct sigaction fatal {};
    fatal.sa_handler = SIG_DFL;
    ::sigaction(number, &fatal, nullptr);  // returning repeats the fault, and that ends the process
  } else {
    pass_on(number, info, context);
  }
  errno = error;
}

void install_handlers() {
  struct sigaction action {};
  action.sa_sigaction = on_fault;
  action.sa_flags = SA_SIGINFO | SA_ONSTACK;
  ::sigemptyset(&action.sa_mask);
  check(::sigaction(SIGSEGV, &action, &previous_segv), "sigaction SIGSEGV");
  check(::sigaction(SIGBUS, &action, &previous_bus), "sigaction SIGBUS");
}

#if defined(SIMUL_ASAN)
constexpr bool kReports = false;
#else
constexpr bool kReports = true;
#endif

}  // namespace

OverflowReport::OverflowReport() {
  if (!kReports) return;
  static std::once_flag installed;
  std::call_once(installed, install_handlers);

  stack_t present{};
  check(::sigaltstack(nullptr, &present), "sigaltstack");
  if ((present.ss_flags & SS_DISABLE) == 0) return;
  // A signal frame holds all vector registers: its size depends on the processor, hence sysconf.
  const long needed = ::sysconf(_SC_SIGSTKSZ);
  const std::size_t size =
      std::max<std::size_t>(needed > 0 ? static_cast<std::size_t>(needed) : 0, 16 * 1024);
  signal_stack_ = std::make_unique<std::byte[]>(size);
  stack_t ours{};
  ours.ss_sp = signal_stack_.get();
  ours.ss_size = size;
  check(::sigaltstack(&ours, nullptr), "sigaltstack");
}

OverflowReport::~OverflowReport() {
  if (signal_stack_ == nullptr) return;
  stack_t present{};
  if (::sigaltstack(nullptr, &present) != 0 || present.ss_sp != signal_stack_.get()) return;
  stack_t none{};
  none.ss_flags = SS_DISABLE;
  ::sigaltstack(&none, nullptr);
}

}  // namespace simul
