// What ends a crowd that grows: which limit it is, and how far it is wise to go.
//
// Some limits are there to be run into: those of this user or of this control group protect all
// others. Others are the machine's, and whoever takes the last process id takes it from everybody.
// Of those, half of what is left must do.
#pragma once

#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <limits>
#include <string>

#include "lessons/22-scaling-out/proc.hpp"

namespace ceiling {

/// So many, and why not more; in a few letters, for a table.
struct Ceiling {
  double units = std::numeric_limits<double>::infinity();
  std::string why{};
};

/// How many more processes or threads may be started on this machine without being in the way of
/// others.
inline Ceiling of_the_machine() {
  const double there = proc::threads_there();
  const double ids = proc::number_in("/proc/sys/kernel/pid_max");
  const double threads = proc::number_in("/proc/sys/kernel/threads-max");
  return {std::max(1.0, (std::min(ids, threads) - there) / 2),
          ids < threads ? "ids/2" : "threads/2"};
}

inline double soft_limit(int resource) {
  rlimit limit{};
  const bool known = ::getrlimit(static_cast<decltype(RLIMIT_AS)>(resource), &limit) == 0;
  return known && limit.rlim_cur != RLIM_INFINITY ? static_cast<double>(limit.rlim_cur)
                                                  : std::numeric_limits<double>::infinity();
}

/// The system has refused to start one more just now: which limit was that? For a table, and in
/// the words of whoever sets it.
inline std::string of_a_refusal() {
  const std::string status = proc::text_of("/proc/self/status");
  constexpr double kStack = 8 << 20;  // what a thread wants to have reserved
  if (proc::kib(status, "VmSize") + 2 * kStack > soft_limit(RLIMIT_AS)) return "RLIMIT_AS";
  const std::string maps = proc::text_of("/proc/self/maps");
  const auto areas = static_cast<double>(std::count(maps.begin(), maps.end(), '\n'));
  if (areas + 3 > proc::number_in("/proc/sys/vm/max_map_count")) return "map_count";
  const std::string most = proc::cgroup_file("pids", "pids.max");
  const std::string now = proc::cgroup_file("pids", "pids.current");
  if (!most.empty() && !now.empty() && proc::number_in(now) + 1 >= proc::number_in(most))
    return "pids.max";
  // Who may do anything is not held to this one.
  if (::geteuid() != 0 && soft_limit(RLIMIT_NPROC) < 1e9) return "RLIMIT_NPROC";
  return "the system";
}

}  // namespace ceiling
