// What this process, another one and the whole machine use, as the kernel counts it in /proc.
//
// The memory of a program is no one number. Counted here is what would be free again if the units
// were gone: pages that one process alone has written to (Private_Dirty), and what the kernel has
// set aside for them elsewhere: a stack for each thread, page tables, and its own small objects.
// The latter is known only for the machine as a whole, so what other programs do at the same time
// is in it; but it cannot be less than the page tables and the stacks, which are known exactly.
//
// Where there is no /proc (it is Linux's), everything is unknown, and unknown is 0.
#pragma once

#include <unistd.h>

#include <algorithm>
#include <cstddef>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <limits>
#include <sstream>
#include <string>
#include <string_view>

namespace proc {

/// The file's text; "" if it cannot be read.
inline std::string text_of(const std::string& path) {
  std::ifstream file(path);
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

/// The number behind `name` in a text of lines such as "VmPTE:   52 kB", in bytes; 0 if not there.
inline double kib(const std::string& text, std::string_view name) {
  for (std::size_t at = 0; at < text.size(); at = text.find('\n', at) + 1) {
    const std::string_view line = std::string_view(text).substr(at);
    if (line.starts_with(name) && line.substr(name.size()).starts_with(':'))
      return std::atof(line.data() + name.size() + 1) * 1024;
    if (line.find('\n') == line.npos) break;
  }
  return 0;
}

/// Bytes that only the process `pid` has written to ("self": this one).
inline double written_by(const std::string& pid) {
  const double exact = kib(text_of("/proc/" + pid + "/smaps_rollup"), "Private_Dirty");
  return exact > 0 ? exact : kib(text_of("/proc/" + pid + "/status"), "RssAnon");
}

/// Bytes of the page tables of the process `pid`.
inline double page_tables_of(const std::string& pid) {
  return kib(text_of("/proc/" + pid + "/status"), "VmPTE");
}

/// How many processes and threads there are on this machine: of "0.20 0.18 0.12 1/80 11206", 80.
inline double threads_there() {
  double there = 0;
  std::sscanf(text_of("/proc/loadavg").c_str(), "%*s %*s %*s %*[0-9]/%lf", &there);
  return there;
}

/// Bytes of the stack that the kernel has for each of them.
inline double kernel_stack() {
  return kib(text_of("/proc/meminfo"), "KernelStack") / std::max(1.0, threads_there());
}

/// Bytes that the kernel keeps for all processes and threads of the machine.
inline double kernel_memory() {
  const std::string all = text_of("/proc/meminfo");
  double sum = 0;
  for (const char* part : {"KernelStack", "PageTables", "SUnreclaim", "Percpu"})
    sum += kib(all, part);
  return sum;
}

/// The first number in a file; infinite if there is none, such as in one that says "max".
inline double number_in(const std::string& path) {
  std::ifstream file(path);
  double number = 0;
  return file >> number ? number : std::numeric_limits<double>::infinity();
}

/// A file of the control group of this process, of cgroups version 2, or of version 1 under
/// `controller`: "pids.max". Inside a container its own group may be the root of what is seen.
inline std::string cgroup_file(const std::string& controller, const std::string& name) {
  std::istringstream groups(text_of("/proc/self/cgroup"));
  for (std::string line; std::getline(groups, line);) {
    const std::size_t first = line.find(':');
    const std::size_t second = line.find(':', first + 1);
    if (second == std::string::npos) continue;
    const std::string which = "," + line.substr(first + 1, second - first - 1) + ",";
    const bool unified = which == ",,";
    if (!unified && which.find("," + controller + ",") == std::string::npos) continue;
    const std::string root = unified ? "/sys/fs/cgroup" : "/sys/fs/cgroup/" + controller;
    for (const std::string& group : {line.substr(second + 1), std::string()}) {
      const std::string path = root + group + "/" + name;
      if (::access(path.c_str(), R_OK) == 0) return path;
    }
  }
  return {};
}

/// Bytes that may still be used: what the machine has to give, or what the control group leaves.
inline double available_memory() {
  double bytes = kib(text_of("/proc/meminfo"), "MemAvailable");
  if (bytes == 0) bytes = std::numeric_limits<double>::infinity();
  const auto left = [](const char* most, const char* used) {
    const std::string path = cgroup_file("memory", most);
    return path.empty() ? std::numeric_limits<double>::infinity()
                        : number_in(path) - number_in(cgroup_file("memory", used));
  };
  bytes = std::min(bytes, left("memory.max", "memory.current"));
  return std::min(bytes, left("memory.limit_in_bytes", "memory.usage_in_bytes"));
}

}  // namespace proc
