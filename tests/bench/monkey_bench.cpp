// What the monkey patch costs where nothing has to wait, and what a wait costs.
//
//   monkey.ready     one byte through a blocking socket pair, send and recv, in a fiber, when the
//                    call need not wait. The floor is the same in plain code, where the calls are
//                    libc's.
//   monkey.wait      the same between two fibers that wait for each other: a round trip with two
//                    parked reads. The floor is two threads that block.
//   monkey.poll      a poll with a timeout of zero on one quiet descriptor; floor as in the first
#include <poll.h>
#include <sys/socket.h>

#include <thread>

#include "runtime/base/error.hpp"
#include "runtime/base/unique_fd.hpp"
#include "runtime/fiber/fiber.hpp"
#include "runtime/fiber/monkey.hpp"
#include "tests/bench/bench.hpp"

namespace {

using namespace simul;

struct Pair {
  UniqueFd near;
  UniqueFd far;
};

Pair sockets() {
  int fds[2];
  check(::socketpair(AF_UNIX, SOCK_STREAM, 0, fds), "socketpair");
  return {UniqueFd(fds[0]), UniqueFd(fds[1])};
}

void move_bytes(const Pair& pair, std::size_t count) {
  char byte = 'x';
  for (std::size_t i = 0; i < count; ++i) {
    check(::send(pair.far.get(), &byte, 1, 0), "send");
    check(::recv(pair.near.get(), &byte, 1, 0), "recv");
  }
}

void ask_poll(const Pair& pair, std::size_t count) {
  for (std::size_t i = 0; i < count; ++i) {
    pollfd entry{pair.near.get(), POLLIN, 0};
    check(::poll(&entry, 1, 0), "poll");
  }
}

void answer(const Pair& pair, std::size_t count) {
  char byte;
  for (std::size_t i = 0; i < count; ++i) {
    check(::recv(pair.far.get(), &byte, 1, 0), "recv");
    check(::send(pair.far.get(), &byte, 1, 0), "send");
  }
}

void ask(const Pair& pair, std::size_t count) {
  char byte = 'x';
  for (std::size_t i = 0; i < count; ++i) {
    check(::send(pair.near.get(), &byte, 1, 0), "send");
    check(::recv(pair.near.get(), &byte, 1, 0), "recv");
  }
}

}  // namespace

int main(int argc, char** argv) {
  monkey::patch_all();
  Reactor loop;
  const Pair pair = sockets();
  return bench::run(argc, argv, [&](bench::Bench& bench) {
    const auto in_plain_code = [&](auto work) {
      return [&, work](std::size_t n) { work(pair, n); };
    };
    const auto in_a_fiber = [&](auto work) {
      return [&, work](std::size_t n) { spawn([&] { work(pair, n); }).join(); };
    };
    bench.time("monkey.ready", in_a_fiber(move_bytes), in_plain_code(move_bytes));
    bench.time("monkey.poll", in_a_fiber(ask_poll), in_plain_code(ask_poll));
    bench.time(
        "monkey.wait",
        [&](std::size_t n) {
          join_all<void>({spawn([&] { ask(pair, n); }), spawn([&] { answer(pair, n); })});
        },
        [&](std::size_t n) {
          std::thread other([&] { answer(pair, n); });
          ask(pair, n);
          other.join();
        });
  });
}
