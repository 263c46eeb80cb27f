// Workers as programs of their own: how to start one, and whether it has ended well.
#pragma once

#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "runtime/thread/process.hpp"

/// 15-job-queue.worker, and the Redis that it is to work for.
struct WorkerProgram {
  std::string file;
  std::string url;  ///< As it is given to the worker; `ps` shows it, so keep passwords elsewhere.

  /// Starts one that works at `queue`. It leads a process group, so a Ctrl-C at the terminal is for
  /// us alone; and it is killed when the handle goes.
  simul::Process start(const std::string& queue, const std::vector<std::string>& flags,
                       simul::Stdio out, simul::Stdio err) const {
    std::vector<std::string> command = {file, "--url", url};
    command.insert(command.end(), flags.begin(), flags.end());
    command.push_back(queue);
    simul::ProcessOptions options;
    options.in = simul::Stdio::null();
    options.out = out;
    options.err = err;
    options.own_group = true;
    return simul::Process(std::move(command), std::move(options));
  }
};

/// Throws std::runtime_error unless that is a good end.
inline void check_end(const std::string& name, simul::ExitStatus status) {
  if (!status.ok()) throw std::runtime_error(name + " " + status.text());
}
