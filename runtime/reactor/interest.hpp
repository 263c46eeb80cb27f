// The words in which the reactor and a poller speak of readiness.
#pragma once

#include <cstdint>

namespace simul {

/// The two directions of a descriptor, as bits.
enum class Interest : std::uint8_t { none = 0, read = 1, write = 2, both = 3 };

constexpr Interest operator|(Interest a, Interest b) {
  return static_cast<Interest>(static_cast<unsigned>(a) | static_cast<unsigned>(b));
}
constexpr Interest operator&(Interest a, Interest b) {
  return static_cast<Interest>(static_cast<unsigned>(a) & static_cast<unsigned>(b));
}
constexpr Interest without(Interest a, Interest b) {
  return static_cast<Interest>(static_cast<unsigned>(a) & ~static_cast<unsigned>(b));
}

/// edge: reported when it becomes ready. level: reported as long as it is ready.
enum class Trigger : std::uint8_t { edge, level };

/// One answer of the kernel.
struct PollEvent {
  std::uint64_t token;
  Interest ready;  ///< an error or a hang-up makes both directions ready: the call will tell
  bool hung_up;    ///< the peer sends no more; what it sent before may still be unread. A poller
                   ///< that repeats itself (level) need not say so: `read` is ready then anyway
};

}  // namespace simul
