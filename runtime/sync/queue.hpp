// Queue: items from those who make them to those who need them, in order.
//
// `get` waits while there is nothing, `put` while there is no room; otherwise neither switches. The
// k-th who asks gets the k-th item, whatever happens in between, because an item that has been
// promised to somebody stays at its place in the queue until that somebody fetches it:
//
//      items_    | a | b | c | d |        a and b are promised, to the first and the second of
//                --------  ------         promised_; c and d are free: size() is 2
//      promised_   G1  G2
//
// So nobody who is killed on his way takes an item along: G1 leaves the line, a is G2's then, and b
// free again. Room is given away in the same manner: a putter that waited is admitted, and puts its
// item when it goes on. A put that ends with Cancelled has put nothing.
//
// The invariants: items and admitted putters together never exceed the capacity; and after each
// operation nobody waits for what is there (`settle`).
#pragma once

#include <cstddef>
#include <deque>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <type_traits>
#include <utility>

#include "runtime/sync/line.hpp"

namespace simul {

/// A put into a queue that was closed, or a get from one that is closed and empty.
/// (asyncio.QueueShutDown)
class QueueClosed : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// What becomes of the items in a queue that is closed.
enum class Leftovers { keep, discard };

/// A queue of T, which may be move-only. Thread: the reactor's. Destroying it is closing it: those
/// who wait then get QueueClosed. (asyncio.Queue)
template <class T>
class Queue {
  static_assert(std::is_nothrow_move_constructible_v<T>,
                "an item whose move fails would be lost on its way");

 public:
  /// `capacity`: how many items it holds at most; 0: any number.
  explicit Queue(std::size_t capacity = 0) : capacity_(capacity) {}
  Queue(const Queue&) = delete;
  Queue& operator=(const Queue&) = delete;

  class [[nodiscard]] Get;
  class [[nodiscard]] Put;
  class [[nodiscard]] Join;

  /// The next item: `await(queue.get())` in a fiber, `co_await queue.get()` in a task. Throws
  /// QueueClosed once the queue is closed and empty.
  Get get() noexcept { return Get(*this); }

  /// Adds an item; waits while the queue is full, behind those who wait already. Throws QueueClosed
  /// if the queue is closed, before or meanwhile; then, and when cancelled, nothing was put.
  Put put(T item) noexcept { return Put(*this, std::move(item)); }

  /// The next item if there is one that is promised to nobody. Does not wait.
  std::optional<T> try_get() {
    if (empty()) return std::nullopt;
    return take_free();
  }

  /// Adds an item unless the queue is full; then `item` is left as it was. Throws QueueClosed.
  template <class U = T>
  bool try_put(U&& item) {
    if (closed_) throw_closed("queue.put");
    if (full()) return false;
    add(std::forward<U>(item));
    return true;
  }

  /// How many items are there for whoever asks next; without those that are promised already.
  std::size_t size() const noexcept { return free_count_; }

  /// Would `get` have to wait?
  bool empty() const noexcept { return free_count_ == 0; }

  /// Would `put` have to wait? Also while a putter that waited has been admitted and has not yet
  /// put: nobody overtakes it.
  bool full() const noexcept { return capacity_ != 0 && (!admitted_.empty() || !has_room()); }

  std::size_t capacity() const noexcept { return capacity_; }

  /// One item that was got has been dealt with. Throws std::logic_error if there was none left.
  void task_done() {
    if (unfinished_ == 0) throw std::logic_error("Queue::task_done: called more often than put");
    finish(1);
  }

  /// Waits until `task_done` was called for every item that was ever put.
  Join join() noexcept { return Join(*this); }

  /// No more items. Puts fail, those that wait included; gets take what is left and fail then.
  /// Leftovers::discard drops what is left, but not what is promised, and counts it as done.
  /// (asyncio.Queue.shutdown)
  void close(Leftovers leftovers = Leftovers::keep) noexcept {
    closed_ = true;
    putters_.refuse_all();
    admitted_.refuse_all();
    admitted_count_ = 0;
    if (leftovers == Leftovers::discard) {
      finish(size());
      for (; !empty(); --free_count_) items_.pop_back();
    }
    getters_.refuse_all();  // who waits found nothing
  }

  bool closed() const noexcept { return closed_; }

 private:
  [[noreturn]] static void throw_closed(const char* what) {
    throw QueueClosed(std::string(what) + ": the queue is closed");
  }

  bool has_room() const noexcept {
    return capacity_ == 0 || free_count_ + promised_count_ + admitted_count_ < capacity_;
  }

  void promise_to(Place& getter) noexcept {
    promised_.join(getter);
    ++promised_count_;
    --free_count_;
  }

  void admit(Place& putter) noexcept {
    admitted_.join(putter);
    ++admitted_count_;
  }

  /// Gives those who wait what there is for them.
  void settle() noexcept {
    while (!getters_.empty() && !empty()) promise_to(*getters_.serve_first());
    while (!putters_.empty() && has_room()) admit(*putters_.serve_first());
  }

  T take_free() noexcept {
    --free_count_;
    T item = remove(promised_count_);
    settle();
    return item;
  }

  template <class U>
  void add(U&& item) {
    items_.emplace_back(std::forward<U>(item));
    ++free_count_;
    ++unfinished_;
    settle();
  }

  /// The item that is promised to `getter`. Those who were promised one go on in the order in which
  /// they asked, so it is the first, unless a test shuffles (Reactor::shuffle).
  T fetch(Place& getter) noexcept {
    std::size_t index = 0;
    for (Place* other = promised_.front(); other != &getter; other = promised_.next(*other)) {
      ++index;
    }
    getter.leave();
    --promised_count_;
    T item = remove(index);
    settle();
    return item;
  }

  T remove(std::size_t index) noexcept {
    T item(std::move(items_[index]));
    for (; index > 0; --index) {
      std::destroy_at(&items_[index]);
      std::construct_at(&items_[index], std::move(items_[index - 1]));
    }
    items_.pop_front();
    return item;
  }

  void forget_promise(Place& getter) noexcept {
    getter.leave();
    --promised_count_;
    ++free_count_;
    settle();
  }

  void forget_admission(Place& putter) noexcept {
    putter.leave();
    --admitted_count_;
    settle();
  }

  void finish(std::size_t count) noexcept {
    unfinished_ -= count;
    if (unfinished_ == 0) joiners_.serve_all();
  }

  std::deque<T> items_;  // first those that are promised, then the free ones
  std::size_t capacity_;
  std::size_t promised_count_ = 0;  // of them are promised
  std::size_t free_count_ = 0;      // are not
  std::size_t admitted_count_ = 0;
  std::size_t unfinished_ = 0;
  bool closed_ = false;
  Line getters_;   // wait for an item
  Line promised_;  // have been promised one and have not gone on yet
  Line putters_;   // wait for room
  Line admitted_;  // have been given room and have not gone on yet
  Line joiners_;
};

/// The wait for an item. A place that was served is in `promised_`, so the queue still lives.
template <class T>
class Queue<T>::Get final : public Wait<Get> {
 public:
  explicit Get(Queue& queue) noexcept : Wait<Get>(kSort), queue_(queue) {}
  ~Get() {
    if (place_.served()) queue_.forget_promise(place_);
  }

  bool await_ready() const noexcept { return !queue_.empty() || queue_.closed_; }
  void start() noexcept { queue_.getters_.join(place_); }
  T await_resume() {
    if (this->who() == nullptr) {
      // It did not wait: nobody has run since `await_ready`.
      if (queue_.empty()) throw_closed(kSort.label);
      return queue_.take_free();
    }
    if (place_.refused()) throw_closed(kSort.label);
    place_.throw_unless_served();
    return queue_.fetch(place_);
  }

 private:
  static void leave(Waiter& waiter) noexcept { static_cast<Get&>(waiter).place_.unlink(); }
  static constexpr Waiter::Sort kSort = {"queue.get", leave};

  Queue& queue_;
  Place place_{*this};
};

/// The wait for room, with the item that is to be put.
template <class T>
class Queue<T>::Put final : public Wait<Put> {
 public:
  Put(Queue& queue, T item) noexcept : Wait<Put>(kSort), queue_(queue), item_(std::move(item)) {}
  ~Put() {
    if (place_.served()) queue_.forget_admission(place_);
  }

  bool await_ready() const noexcept { return !queue_.full() || queue_.closed_; }
  void start() noexcept {
    queue_.putters_.join(place_);
    queue_.settle();  // only others who are to put first may be in the way
  }
  void await_resume() {
    if (this->who() == nullptr) {
      if (queue_.closed_) throw_closed(kSort.label);
      return queue_.add(std::move(item_));
    }
    if (place_.refused()) throw_closed(kSort.label);
    place_.throw_unless_served();
    queue_.add(std::move(item_));
    queue_.forget_admission(place_);
  }

 private:
  static void leave(Waiter& waiter) noexcept { static_cast<Put&>(waiter).place_.unlink(); }
  static constexpr Waiter::Sort kSort = {"queue.put", leave};

  Queue& queue_;
  T item_;
  Place place_{*this};
};

/// The wait until all is done.
template <class T>
class Queue<T>::Join final : public Wait<Join> {
 public:
  explicit Join(Queue& queue) noexcept : Wait<Join>(kSort), queue_(queue) {}

  bool await_ready() noexcept {
    if (queue_.unfinished_ == 0) place_.mark_served();
    return place_.served();
  }
  void start() noexcept { queue_.joiners_.join(place_); }
  void await_resume() const {
    if (place_.refused()) throw_closed(kSort.label);
    place_.throw_unless_served();
  }

 private:
  static void leave(Waiter& waiter) noexcept { static_cast<Join&>(waiter).place_.unlink(); }
  static constexpr Waiter::Sort kSort = {"queue.join", leave};

  Queue& queue_;
  Place place_{*this};
};

}  // namespace simul
