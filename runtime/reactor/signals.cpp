#include "runtime/reactor/signals.hpp"

#include <pthread.h>
#include <sched.h>
#include <signal.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <stdexcept>
#include <string>

#include "runtime/base/error.hpp"
#include "runtime/reactor/reactor.hpp"

namespace simul {
namespace {

constexpr int kSignals = 128;  // two words of bits; NSIG is 65 on Linux and 33 on the BSDs

// Whose is the signal? Read by handlers in any thread, hence the counter: whoever takes an owner
// away waits until no handler can still be looking at it.
std::atomic<Mailbox*> owners[kSignals];
std::atomic<int> handlers_running{0};
struct sigaction previous[kSignals];

extern "C" void simul_on_signal(int signal) {
  const int saved = errno;
  handlers_running.fetch_add(1);
  if (Mailbox* mailbox = owners[signal].load()) {
    mailbox->signals[signal / 64].fetch_or(std::uint64_t{1} << signal % 64);
    mailbox->poller.wake();
  }
  handlers_running.fetch_sub(1);
  errno = saved;
}

// In a forked child there are no loops yet, whichever thread forked: the signals do again what they
// did before.
void forget_owners() {
  for (int signal = 1; signal < kSignals; ++signal) {
    if (owners[signal].exchange(nullptr) != nullptr) {
      ::sigaction(signal, &previous[signal], nullptr);
    }
  }
  handlers_running.store(0);
}

}  // namespace

/// One signal that the loop waits for, again and again.
class SignalWait final : public Routine,
                         public Waiter,
                         public std::enable_shared_from_this<SignalWait> {
 public:
  SignalWait(Reactor& reactor, int signal, Callback<void()> callback, bool is_awaited)
      : Routine(reactor, Kind::callback),
        Waiter(kSort),
        awaited(is_awaited),
        signal_(signal),
        callback_(std::move(callback)) {
    begin(*this);
  }

  void step() override {
    const auto self = shared_from_this();  // the callback may remove its own handler
    begin(*this);
    try {
      callback_();
    } catch (...) {
      reactor().report(describe(), std::current_exception());
    }
  }

  std::string describe() const override { return "handler of signal " + std::to_string(signal_); }

  const bool awaited;

 private:
  static constexpr Sort kSort = {"signal", nullptr};

  int signal_;
  Callback<void()> callback_;
};

SignalHandlers::SignalHandlers(Reactor& reactor, std::shared_ptr<Mailbox> mailbox)
    : reactor_(reactor), mailbox_(std::move(mailbox)) {}

SignalHandlers::~SignalHandlers() {
  while (!waits_.empty()) remove(waits_.begin()->first);
}

bool SignalHandlers::awaited() const noexcept {
  return std::ranges::any_of(waits_, [](const auto& entry) { return entry.second->awaited; });
}

void SignalHandlers::add(int signal, Callback<void()> callback, bool awaited) {
  const std::string what = "handle signal " + std::to_string(signal);
  if (signal <= 0 || signal >= kSignals) throw_errno(what, EINVAL);
  static const int registered = ::pthread_atfork(nullptr, nullptr, forget_owners);
  static_cast<void>(registered);
  auto wait = std::make_shared<SignalWait>(reactor_, signal, std::move(callback), awaited);
  if (waits_.count(signal) == 0) {
    Mailbox* nobody = nullptr;
    if (!owners[signal].compare_exchange_strong(nobody, mailbox_.get())) {
      throw std::logic_error(what + ": another reactor handles it already");
    }
    struct sigaction action {};
    action.sa_handler = simul_on_signal;
    sigfillset(&action.sa_mask);
    // On the alternate stack, for the stacks of fibers are small; and system calls go on.
    action.sa_flags = SA_RESTART | SA_ONSTACK;
    if (::sigaction(signal, &action, &previous[signal]) != 0) {
      const int error = errno;
      owners[signal].store(nullptr);
      throw_errno(what, error);
    }
  }
  std::shared_ptr<SignalWait>& place = waits_[signal];
  // One that has arrived and whose turn has not come yet is the new handler's.
  if (place && place->state() == Waiter::State::triggered) wait->wake();
  place = std::move(wait);
}

void SignalHandlers::remove(int signal) noexcept {
  const auto found = waits_.find(signal);
  if (found == waits_.end()) return;
  if (owners[signal].load() == mailbox_.get()) {  // not in a forked child
    ::sigaction(signal, &previous[signal], nullptr);
    owners[signal].store(nullptr);
  }
  while (handlers_running.load() != 0) ::sched_yield();
  mailbox_->signals[signal / 64].fetch_and(~(std::uint64_t{1} << signal % 64));
  waits_.erase(found);
}

bool SignalHandlers::arrived() const noexcept {
  return std::ranges::any_of(mailbox_->signals, [](const auto& word) { return word.load() != 0; });
}

void SignalHandlers::deliver() noexcept {
  for (int word = 0; word < 2; ++word) {
    if (mailbox_->signals[word].load(std::memory_order_relaxed) == 0) continue;
    const std::uint64_t arrived = mailbox_->signals[word].exchange(0);
    for (const auto& [signal, wait] : waits_) {
      if (signal / 64 == word && (arrived >> signal % 64 & 1) != 0) wait->wake();
    }
  }
}

}  // namespace simul
