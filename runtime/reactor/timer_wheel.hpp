// Timers in a hierarchy of wheels: insert, cancel and expire in constant time, however many there
// are.
//
// Write the time in base 64: eleven digits reach the end of 64 bits. There is one level for each
// digit, with one slot for each value of it. A timer hangs at the level of the highest digit in
// which its deadline differs from now, in the slot that this digit of its deadline names:
//
//      now  = ... 0 : 12 : 41                          digit 2 : digit 1 : digit 0
//
//      level 0   slots 41..63   a tick each            deadline  0 : 12 : 50   -> slot 50
//      level 1   slots 13..63   64 ticks each          deadline  0 : 13 :  7   -> slot 13
//      level 2   slots  1..63   4,096 ticks each       deadline  5 : 12 : 41   -> slot  5
//      ...       every level has one word that says which of its 64 slots hold timers
//      level 10  slots  0..15   2^60 ticks each
//
// When now reaches the first tick of a slot, its timers are hung up again, now in lower levels (the
// slot "cascades"); at level 0 they are due. Everything below a level comes before everything in
// it, and slots are passed in ascending order, so the first set bit of the first level that has one
// is always the place to look: nothing is sorted and no empty tick is visited.
//
// The invariant: a timer always hangs where an insert at this moment would hang it. So all timers
// of one deadline are in one slot. Inserting appends to the slot's list. A cascade walks the list
// in order, into levels that are empty at that moment, because all they held was due earlier.
// Therefore equal deadlines stay in the order in which they were set.
//
// A cancel only unlinks the timer; it does not even need the wheel, and so the destructor of a
// timer may do it too. The bit of a slot that became empty that way is cleared when it is next met.
//
// What a tick means is the caller's affair, and so is running what a timer stands for.
// (G. Varghese, T. Lauck: Hashed and Hierarchical Timing Wheels, 1987; the first level found by the
// exclusive or, and a word of occupied slots for each level, as in the Tokio runtime for Rust.)
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <limits>

#include "runtime/base/intrusive_list.hpp"

namespace simul {

class Waiter;

/// One deadline, a member of the object that waits for it. Neither copied nor moved. Destroying it
/// while armed takes it off the wheel, or off the list of due timers if it is there already.
class Timer : public ListNode<> {
 public:
  /// `owner` is whom to wake; the wheel only carries it.
  /// `deadline` is what `deadline()` says until the first insert.
  explicit Timer(Waiter* owner = nullptr, std::uint64_t deadline = 0) noexcept
      : waiter(owner), deadline_(deadline) {}

  /// Is it on a wheel, or expired and still on the list that `TimerWheel::advance` put it on?
  bool armed() const noexcept { return linked(); }

  /// The tick of the last insert: a deadline in the past counts as the `now()` of that moment.
  std::uint64_t deadline() const noexcept { return deadline_; }

  Waiter* waiter;

 private:
  friend class TimerWheel;
  std::uint64_t deadline_;
};

/// The timers of one reactor. Thread: the reactor's. Allocates nothing, throws nothing.
class TimerWheel {
 public:
  /// What `next_deadline` says when there is no timer. It is also the last tick there is and a
  /// legal deadline; ask `empty()` if you must tell the two apart.
  static constexpr std::uint64_t kNone = std::numeric_limits<std::uint64_t>::max();

  explicit TimerWheel(std::uint64_t now = 0) noexcept : now_(now) {}
  TimerWheel(const TimerWheel&) = delete;
  TimerWheel& operator=(const TimerWheel&) = delete;
  // The lists let go of their elements: timers that outlive the wheel are no longer armed.
  ~TimerWheel() = default;

  /// Arms `timer` for the tick `deadline`. A deadline that is not after `now()` is due at the next
  /// `advance`, whatever its argument, behind those that are due already. A timer that is armed is
  /// moved: an earlier or a later deadline both count, and it is the youngest among its equals.
  /// O(1).
  void insert(Timer& timer, std::uint64_t deadline) noexcept {
    timer.unlink();
    timer.deadline_ = deadline < now_ ? now_ : deadline;
    hang(timer);
  }

  /// Disarms `timer`, also when it is on the list of due timers already; no effect if it is not
  /// armed. O(1).
  static void cancel(Timer& timer) noexcept { timer.unlink(); }

  /// The tick to wake up at: never after the first deadline. It is the first deadline itself when
  /// that is less than 64 ticks away or when few timers share its slot; else it may be the tick at
  /// which that slot cascades. Either is after `now()`, or `now()` itself if something is due, so
  /// who sleeps until then always gets ahead. `kNone` when there is no timer.
  std::uint64_t next_deadline() noexcept;

  /// Moves the time to `now` and appends all timers whose deadline is reached to `due`: in the
  /// order of deadlines, equal ones in the order in which they were set. An earlier `now` counts as
  /// `now()`. Constant time for each timer: it cascades at most once per level.
  void advance(std::uint64_t now, List<Timer>& due) noexcept;

  /// The latest tick that `advance` was told.
  std::uint64_t now() const noexcept { return now_; }

  /// Is no timer armed? There is no count of them, because a timer may leave without notice.
  bool empty() noexcept;

 private:
  static constexpr unsigned kBits = 6;
  static constexpr unsigned kSlots = 1u << kBits;
  static constexpr unsigned kLevels = (64 + kBits - 1) / kBits;
  static constexpr unsigned kNowhere = kLevels * kSlots;

  void hang(Timer& timer) noexcept {
    // The one is for a deadline equal to now: level 0, in the slot of the current tick.
    const std::uint64_t difference = (timer.deadline_ ^ now_) | 1;
    const unsigned level = (static_cast<unsigned>(std::bit_width(difference)) - 1) / kBits;
    const unsigned slot = (timer.deadline_ >> (level * kBits)) % kSlots;
    slots_[level * kSlots + slot].push_back(timer);
    occupied_[level] |= std::uint64_t{1} << slot;
    levels_ |= 1u << level;
  }

  // A place is a level and a slot in one number: level * kSlots + slot.
  unsigned first() noexcept;
  void set_empty(unsigned place) noexcept;
  std::uint64_t start_of(unsigned place) const noexcept;
  std::uint64_t earliest(unsigned place) noexcept;
  void cascade(List<Timer>& slot, List<Timer>& due) noexcept;

  std::uint64_t now_;
  unsigned levels_ = 0;                   // a bit for each level with a bit set in its word
  std::uint64_t occupied_[kLevels] = {};  // a set bit may be out of date, a clear one never is
  List<Timer> slots_[kLevels * kSlots];
};

}  // namespace simul
