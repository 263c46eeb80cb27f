// What a task does instead of each of those calls, where there is something.
//
// The same argument, the same result, the same somebody who is late; but the wait is one of the
// loop's, and everybody else goes on. There is one for each call of blocking.hpp but for the last
// but one: a file that is on a disk, or locked, has nothing that a loop could wait for.
#pragma once

#include <fcntl.h>

#include <chrono>
#include <cstddef>
#include <memory>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "runtime/base/clock.hpp"
#include "runtime/base/error.hpp"
#include "runtime/base/unique_fd.hpp"
#include "runtime/net/address.hpp"
#include "runtime/net/lookup.hpp"
#include "runtime/net/socket.hpp"
#include "runtime/reactor/descriptor.hpp"
#include "runtime/reactor/reactor.hpp"
#include "runtime/reactor/sleep.hpp"
#include "runtime/sync/event.hpp"
#include "runtime/task/open_connection.hpp"
#include "runtime/task/stream.hpp"
#include "runtime/task/task.hpp"
#include "runtime/thread/communicate.hpp"
#include "runtime/thread/pipe.hpp"
#include "runtime/thread/process.hpp"

namespace instead {

inline simul::Task<std::string> sleep(std::string seconds) {
  co_await simul::sleep(simul::from_seconds(std::stod(seconds)));
  co_return "late";
}

inline simul::Task<std::string> receive(std::string address) {
  simul::Stream stream = co_await simul::open_connection(simul::net::Address::parse(address));
  co_return co_await stream.read_to_end();
}

// What `select` is for, one layer below streams: to know when a call will have an answer.
inline simul::Task<std::string> readable(std::string address) {
  simul::net::Connecting connecting =
      simul::net::start_connect(simul::net::Address::parse(address));
  simul::Descriptor socket(std::move(connecting.socket));
  if (!co_await socket.readable(simul::after(simul::Clock::now(), std::chrono::minutes(1))))
    throw std::runtime_error("nothing came for a minute");
  char buffer[512];
  const simul::net::Transfer got = simul::net::try_receive(socket.fd(), buffer);
  co_return std::string(buffer, got.bytes);
}

inline simul::Task<std::string> run_program(std::string seconds) {
  const std::vector<std::string> command = {"sh", "-c", "sleep " + seconds + "; echo late"};
  simul::Process program(command, {.out = simul::Stdio::pipe()});
  const simul::ProcessResult result = co_await simul::communicate(program);
  co_return result.out.substr(0, result.out.find('\n'));
}

inline simul::Task<std::string> wait_for_child(std::string seconds) {
  const std::vector<std::string> command = {"sleep", seconds};
  simul::Process child(command);
  const simul::ExitStatus status = co_await child.wait();
  co_return status.ok() ? "late" : "killed";
}

// A thread cannot be waited for, but it can say that it is at its end. Then `join` takes no time.
inline simul::Task<std::string> end_of_thread(std::string seconds) {
  const auto over = std::make_shared<simul::Event>();
  const std::jthread other([over, seconds, loop = simul::Reactor::current().remote()]() mutable {
    std::this_thread::sleep_for(simul::from_seconds(std::stod(seconds)));
    loop.call_soon_threadsafe([over = std::move(over)] { over->set(); });
  });
  co_await over->wait();
  co_return "late";
}

inline simul::Task<std::string> read_pipe(std::string path) {
  simul::UniqueFd end(::open(path.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC));
  if (!end) simul::throw_errno("open " + path);
  simul::Descriptor pipe(std::move(end));
  co_return co_await simul::read_to_end(pipe);
}

inline simul::Task<std::string> look_up(std::string) {
  const std::vector<simul::net::Address> addresses =
      co_await simul::net::lookup("late.example", 80);
  co_return addresses.front().host();
}

}  // namespace instead
