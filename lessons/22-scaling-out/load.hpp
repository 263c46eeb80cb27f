// Clients for a server: lesson 19's load generator, started as often as there are cores.
//
// It is one loop, and so one core at most. Where several loops serve, one that asks would be the
// limit; so there are several of these, too. All of them need the processor, and on a machine whose
// servers they test they take it from these. Nobody should read more from their figures than a
// comparison.
#pragma once

#include <cstddef>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "runtime/task/gather.hpp"
#include "runtime/task/task.hpp"
#include "runtime/thread/communicate.hpp"
#include "runtime/thread/process.hpp"

/// What they are to do. `program` is 19-web-server.load, or the way to it.
struct Load {
  std::string program{};
  std::string url{};
  int clients = 64;
  int processes = 2;
  double seconds = 0.5;
};

/// One of the processes: requests per second. `name` is what a trace calls it.
inline simul::Task<double> rate_of_one(std::string /*name*/, std::vector<std::string> command) {
  simul::ProcessOptions options;
  options.in = simul::Stdio::null();
  options.out = options.err = simul::Stdio::pipe();
  options.own_group = true;  // a Ctrl-C is for us; when we go, it does
  simul::Process process(std::move(command), std::move(options));
  const simul::ProcessResult said = co_await communicate(process);
  const std::size_t rate = said.out.find("\nrate ");
  if (!said.status.ok() || rate == said.out.npos || !said.err.empty())
    throw std::runtime_error("the clients: " + process.name() + " " + said.status.text() + ": " +
                             said.err.substr(0, said.err.find('\n')));
  co_return std::stod(said.out.substr(rate + 6));
}

/// All of them: requests per second.
inline simul::Task<double> rate_of(Load load) {
  std::vector<simul::Task<double>> all;
  for (int i = 0; i < load.processes; ++i) {
    const int share = load.clients * (i + 1) / load.processes - load.clients * i / load.processes;
    if (share == 0) continue;
    all.push_back(rate_of_one("clients " + std::to_string(i + 1),
                              {load.program, load.url, "--clients", std::to_string(share),
                               "--seconds", std::to_string(load.seconds)}));
  }
  double sum = 0;
  for (const double rate : co_await simul::gather(std::move(all))) sum += rate;
  co_return sum;
}
