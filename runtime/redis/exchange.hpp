// Bytes for the server, and the replies that it owes us for them: one command, or a pipeline.
//
//     queued ----> sent ----> done: all replies are here, or an error
//       |            |
//       |            +-- abandoned: its replies are still read, and dropped, for the server sends
//       |                them all the same, and the next caller's come behind them
//       +-- abandoned: it is never sent
//
// An Exchange belongs to whoever waits for it and, from `queued` to `done`, to the list it is on.
// Its caller may go at any time; so the two share it, by counted references.
//
// The invariant: as long as it is `queued`, not one byte of it has been handed to the kernel. Only
// such a one may be sent on another connection. Thread: the reactor's.
#pragma once

#include <cstddef>
#include <cstdint>
#include <exception>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "runtime/base/block_pool.hpp"
#include "runtime/base/clock.hpp"
#include "runtime/base/intrusive_list.hpp"
#include "runtime/base/ref.hpp"
#include "runtime/reactor/reactor.hpp"
#include "runtime/reactor/timer_wheel.hpp"
#include "runtime/reactor/waiter.hpp"
#include "runtime/redis/reply.hpp"

namespace simul::redis::detail {

class Exchange : public ListNode<> {
 public:
  enum class State : std::uint8_t { fresh, queued, sent, done };

  /// `name` is for messages; `its_replies` is how many the server will send.
  Exchange(std::string its_name, std::string its_bytes, std::size_t its_replies = 1)
      : name(std::move(its_name)),
        bytes(std::move(its_bytes)),
        size(bytes.size()),
        missing(its_replies) {}

  /// The next reply has come. `missing` is 0 after the last one.
  void accept(Reply reply) {
    if (missing > 1 || !replies.empty()) {
      replies.push_back(std::move(reply));
    } else {
      only = std::move(reply);
    }
    if (--missing == 0) finish();
  }

  /// It has been sent, and no reply is owed for it.
  void done() noexcept { finish(); }

  /// There will be no more replies.
  void fail(std::exception_ptr why) noexcept {
    error = std::move(why);
    finish();
  }

  /// Nobody waits for it any more: it is taken off its list unless it has been sent.
  void abandon() noexcept {
    waiter = nullptr;
    abandoned = true;
    if (state != State::queued) return;
    unlink();
    state = State::done;
    drop_reference();  // the list's
  }

  /// From now on it is on a list, which holds a reference.
  void enlist(List<Exchange>& list) {
    state = State::queued;
    add_reference();
    list.push_back(*this);
  }

  void add_reference() noexcept { ++references_; }
  void drop_reference() noexcept {
    if (--references_ == 0) delete this;
  }
  static void* operator new(std::size_t count) { return BlockPool::take(count); }
  static void operator delete(void* exchange, std::size_t count) noexcept {
    BlockPool::give(exchange, count);
  }

  const std::string name;
  std::string bytes;  // goes when it has been sent
  const std::size_t size;
  std::size_t missing;         // replies
  std::vector<Reply> replies;  // if there are several
  Reply only;                  // if there is one
  std::exception_ptr error;
  Waiter* waiter = nullptr;
  State state = State::fresh;
  bool abandoned = false;

 private:
  ~Exchange() = default;

  // The list's reference goes last: it may have been the only one.
  void finish() noexcept {
    const bool listed = state == State::queued || state == State::sent;
    if (listed) unlink();
    state = State::done;
    if (waiter != nullptr) std::exchange(waiter, nullptr)->wake();
    if (listed) drop_reference();
  }

  std::uint32_t references_ = 0;
};

/// The wait for the end of an exchange. `await_resume`: false if the deadline came first.
class [[nodiscard]] ExchangeEnd final : public Wait<ExchangeEnd> {
 public:
  explicit ExchangeEnd(Exchange& exchange, TimePoint deadline = kNever) noexcept
      : Wait(kSort), exchange_(&exchange), deadline_(deadline) {}
  ~ExchangeEnd() {
    if (exchange_->waiter == this) exchange_->waiter = nullptr;
  }

  bool await_ready() const noexcept { return exchange_->state == Exchange::State::done; }
  void start() noexcept {
    exchange_->waiter = this;
    if (deadline_ != kNever) who()->reactor().set_timer(timer_, deadline_);
  }
  bool await_resume() const noexcept { return await_ready(); }

 private:
  static void leave(Waiter& waiter) noexcept { static_cast<ExchangeEnd&>(waiter).timer_.unlink(); }
  static constexpr Sort kSort = {"reply", leave};

  Ref<Exchange> exchange_;
  TimePoint deadline_;
  Timer timer_{this};
};

}  // namespace simul::redis::detail
