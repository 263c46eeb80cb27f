#include "runtime/reactor/timer_wheel.hpp"

#include <algorithm>

namespace simul {

/// The slot that comes next. Clears the bits of slots that were emptied by cancelling; each was set
/// by an insert, so this is paid for.
TimerWheel::Place TimerWheel::first() noexcept {
  for (unsigned level = 0; level < kLevels; ++level) {
    for (std::uint64_t& bits = occupied_[level]; bits != 0; bits &= bits - 1) {
      const unsigned slot = static_cast<unsigned>(std::countr_zero(bits));
      if (!slots_[level][slot].empty()) return {true, level, slot};
    }
  }
  return {false, 0, 0};
}

/// The first tick of a slot: now, with that digit replaced and zeros behind it.
std::uint64_t TimerWheel::start_of(Place place) const noexcept {
  const unsigned shift = place.level * kBits;
  return ((now_ >> shift & ~std::uint64_t{kSlots - 1}) | place.slot) << shift;
}

std::uint64_t TimerWheel::next_deadline() noexcept {
  const Place place = first();
  if (!place.found) return kNone;
  if (place.level == 0) return start_of(place);
  // A cascade too early costs a system call, looking at a timer costs next to nothing. But this is
  // asked in every turn of the loop, so a long list is left to the cascade.
  int to_look_at = 8;
  List<Timer>& list = slots_[place.level][place.slot];
  std::uint64_t earliest = kNone;
  for (Timer* timer = list.front(); timer != nullptr; timer = list.next(*timer)) {
    if (to_look_at-- == 0) return start_of(place);
    earliest = std::min(earliest, timer->deadline_);
  }
  return earliest;
}

void TimerWheel::advance(std::uint64_t now, List<Timer>& due) noexcept {
  now = std::max(now, now_);
  for (Place place = first(); place.found; place = first()) {
    const std::uint64_t start = start_of(place);
    if (start > now) break;
    now_ = start;
    occupied_[place.level] &= ~(std::uint64_t{1} << place.slot);
    List<Timer>& slot = slots_[place.level][place.slot];
    if (place.level == 0) {
      due.splice_back(slot);
    } else {
      while (Timer* timer = slot.pop_front()) hang(*timer);
    }
  }
  now_ = now;
}

}  // namespace simul
