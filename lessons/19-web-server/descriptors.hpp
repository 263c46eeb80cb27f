// How many descriptors this process may have.
//
// Ten thousand connections are ten thousand descriptors, and a process may have 1,024 of them as a
// rule: that is the soft limit, which it may raise by itself, up to the hard one. Whoever starts
// the program sets that (`ulimit -n`, or the service manager), and only root goes beyond it. The
// low default is of the time of select(2), which has no room for larger numbers.
#pragma once

#include <sys/resource.h>

#include <cstddef>

namespace simul {

/// Raises the soft limit as far as it goes, and returns how many descriptors this process may have.
inline std::size_t raise_descriptor_limit() noexcept {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return 0;
  limit.rlim_cur = limit.rlim_max;
  ::setrlimit(RLIMIT_NOFILE, &limit);  // where it may not be, it stays as it is
  ::getrlimit(RLIMIT_NOFILE, &limit);
  return limit.rlim_cur;
}

}  // namespace simul
