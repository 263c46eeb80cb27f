#include "runtime/reactor/timer_wheel.hpp"

#include <algorithm>

namespace simul {

// What is inline here costs a quarter of the time of an expiry when it is called instead.

/// The slot that comes next, or `kNowhere`. Clears the bits of slots that were emptied by
/// cancelling; each was set by an insert, so this is paid for.
inline unsigned TimerWheel::first() noexcept {
  while (levels_ != 0) {
    const unsigned level = static_cast<unsigned>(std::countr_zero(levels_));
    const unsigned place =
        level * kSlots + static_cast<unsigned>(std::countr_zero(occupied_[level]));
    if (!slots_[place].empty()) return place;
    set_empty(place);
  }
  return kNowhere;
}

inline void TimerWheel::set_empty(unsigned place) noexcept {
  const unsigned level = place / kSlots;
  occupied_[level] &= ~(std::uint64_t{1} << place % kSlots);
  if (occupied_[level] == 0) levels_ &= ~(1u << level);
}

/// The first tick of a slot: now, with that digit replaced and zeros behind it.
inline std::uint64_t TimerWheel::start_of(unsigned place) const noexcept {
  const unsigned shift = place / kSlots * kBits;
  return ((now_ >> shift & ~std::uint64_t{kSlots - 1}) | place % kSlots) << shift;
}

/// A tick that no timer of a slot is before. Looking at a few timers costs next to nothing, and
/// knowing the first deadline saves a wake-up and a cascade for each level. A long list is left to
/// the cascade: it would be looked at again in every turn of the loop.
inline std::uint64_t TimerWheel::earliest(unsigned place) noexcept {
  if (place < kSlots) return start_of(place);
  int left_to_look_at = 8;
  std::uint64_t earliest = kNone;
  for (Timer* timer = slots_[place].front(); timer != nullptr; timer = slots_[place].next(*timer)) {
    if (left_to_look_at-- == 0) return start_of(place);
    earliest = std::min(earliest, timer->deadline_);
  }
  return earliest;
}

bool TimerWheel::empty() noexcept {
  return first() == kNowhere;
}

std::uint64_t TimerWheel::next_deadline() noexcept {
  const unsigned place = first();
  return place == kNowhere ? kNone : earliest(place);
}

/// Hangs the timers of a slot up again, those that are due now on the list `due`.
inline void TimerWheel::cascade(List<Timer>& slot, List<Timer>& due) noexcept {
  // With many timers each step of the way along the list is a cache miss that waits for the one
  // before. So the list is also walked from its end, ahead of need: two misses at a time.
  Timer* ahead = slot.back();
  while (!slot.empty()) {
    if (ahead != nullptr) ahead = slot.previous(*ahead);
    if (ahead != nullptr) __builtin_prefetch(ahead);
    Timer& timer = *slot.pop_front();
    if (ahead == &timer) ahead = nullptr;
    if (timer.deadline_ == now_) {
      due.push_back(timer);
    } else {
      hang(timer);
    }
  }
}

void TimerWheel::advance(std::uint64_t now, List<Timer>& due) noexcept {
  now = std::max(now, now_);
  for (unsigned place = first(); place != kNowhere; place = first()) {
    if (start_of(place) > now) break;
    // Nothing is due before, so the time may be moved there in one step.
    now_ = std::min(now, earliest(place));
    set_empty(place);
    if (place < kSlots) {
      due.splice_back(slots_[place]);
    } else {
      cascade(slots_[place], due);
    }
  }
  now_ = now;
}

}  // namespace simul
