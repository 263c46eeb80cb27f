// Which errors pass by themselves, and waiting for that.
#include "runtime/redis/worker_context.hpp"

#include <string_view>
#include <system_error>

#include "runtime/net/resolver.hpp"
#include "runtime/redis/error.hpp"
#include "runtime/task/timeout.hpp"

namespace simul::redis {

bool will_pass(const std::exception& error) noexcept {
  if (const auto* said = dynamic_cast<const ServerError*>(&error)) {
    // Starting, busy with a script, full, on a disk that is full, a replica: an operator is at it.
    for (const std::string_view code : {"LOADING", "BUSY", "OOM", "MISCONF", "READONLY",
                                        "MASTERDOWN", "TRYAGAIN", "CLUSTERDOWN", "NOREPLICAS"}) {
      if (said->code() == code) return true;
    }
    return false;
  }
  return dynamic_cast<const std::system_error*>(&error) != nullptr ||
         dynamic_cast<const TimedOut*>(&error) != nullptr ||
         dynamic_cast<const FateUnknown*>(&error) != nullptr ||
         dynamic_cast<const ConnectionLost*>(&error) != nullptr ||
         dynamic_cast<const ProtocolError*>(&error) != nullptr ||
         dynamic_cast<const net::ResolveError*>(&error) != nullptr;
}

Task<> pause_until(Event& event, Duration pause) {
  try {
    co_await wait_for(event.wait(), pause);
  } catch (const TimedOut&) {
  }
}

}  // namespace simul::redis
