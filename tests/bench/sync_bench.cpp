// What it costs to wait for each other.
//
//   sync.queue          put an item and get it, both ready at once; the floor is std::deque's
//                       push_back and pop_front
//   sync.queue.handover an item to a fiber that waits for one, and a switch to it: two fibers, two
//                       queues, ping and pong. The floor is a bare switch of stacks
//                       (bare_switch.hpp)
//   sync.lock           acquire a free lock and give it up; the floor is a flag that is looked at,
//                       set and reset
//   sync.lock.mutex     the same beside an uncontended std::mutex
//   sync.lock.handover  give up a lock for which another fiber waits, and a switch to it
#include <cstddef>
#include <deque>
#include <mutex>

#include "runtime/fiber/fiber.hpp"
#include "runtime/sync/lock.hpp"
#include "runtime/sync/queue.hpp"
#include "tests/bench/bare_switch.hpp"
#include "tests/bench/bench.hpp"

namespace {

using namespace simul;

void put_and_get(std::size_t n) {
  Reactor loop;
  spawn([n] {
    Queue<std::size_t> queue;
    for (std::size_t i = 0; i < n; ++i) {
      await(queue.put(i));
      bench::keep(await(queue.get()));
    }
  }).join();
}

void push_and_pop(std::size_t n) {
  std::deque<std::size_t> queue;
  for (std::size_t i = 0; i < n; ++i) {
    queue.push_back(i);
    bench::keep(queue.front());
    queue.pop_front();
  }
}

void ping_pong(std::size_t handovers) {
  Reactor loop;
  Queue<std::size_t> ping, pong;
  const std::size_t rounds = handovers / 2 + 1;
  spawn([&, rounds] {
    for (std::size_t i = 0; i < rounds; ++i) await(pong.put(await(ping.get())));
  });
  spawn([&, rounds] {
    for (std::size_t i = 0; i < rounds; ++i) {
      await(ping.put(i));
      bench::keep(await(pong.get()));
    }
  }).join();
}

void lock_and_unlock(std::size_t n) {
  Reactor loop;
  spawn([n] {
    Lock lock;
    for (std::size_t i = 0; i < n; ++i) {
      const Lock::Guard guard = await(lock.acquire());
      bench::keep(guard);
    }
  }).join();
}

void flag(std::size_t n) {
  bool locked = false;
  for (std::size_t i = 0; i < n; ++i) {
    if (locked) return;
    locked = true;
    bench::keep(locked);
    locked = false;
    bench::keep(locked);
  }
}

void mutex(std::size_t n) {
  std::mutex mutex;
  for (std::size_t i = 0; i < n; ++i) {
    const std::lock_guard guard(mutex);
    bench::keep(guard);
  }
}

void contend(std::size_t n) {
  Reactor loop;
  Lock lock;
  const auto use = [&lock, each = n / 2 + 1] {
    Lock::Guard guard = await(lock.acquire());
    this_fiber::yield();  // so that the other one waits
    for (std::size_t i = 0; i < each; ++i) {
      guard.unlock();
      guard = await(lock.acquire());  // behind the other one, who waits
    }
  };
  const auto one = spawn(use), two = spawn(use);
  one.join();
  two.join();
}

}  // namespace

int main(int argc, char** argv) {
  return bench::run(argc, argv, [](bench::Bench& bench) {
    bench.time("sync.queue", put_and_get, push_and_pop);
    bench.time("sync.queue.handover", ping_pong, bench::bare_switches);
    bench.time("sync.lock", lock_and_unlock, flag);
    bench.time("sync.lock.mutex", lock_and_unlock, mutex);
    bench.time("sync.lock.handover", contend, bench::bare_switches);
  });
}
