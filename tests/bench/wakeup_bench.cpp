// How fast one thread reaches the loop of another.
//
//   wakeup.stream       a thread sends callbacks as fast as it can; they count when they have run
//   wakeup.roundtrip    one message there, one back, one at a time: every one finds the other
//                       thread asleep
//
// The floor is the same with the least that does it: a vector of functions under a mutex, and
// beside it an eventfd that is written when the vector was empty; its thread waits in epoll_wait,
// as a loop must that has other descriptors too, reads the eventfd, takes the vector and calls what
// is in it.
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <atomic>
#include <cstdint>
#include <functional>
#include <mutex>
#include <thread>
#include <utility>
#include <vector>

#include "runtime/base/error.hpp"
#include "runtime/base/unique_fd.hpp"
#include "runtime/reactor/reactor.hpp"
#include "tests/bench/bench.hpp"

namespace simul::bench {
namespace {

constexpr int kStream = 200'000;
constexpr int kTrips = 5'000;

using Function = std::function<void()>;

/// The floor: a locked queue, an eventfd and an epoll.
class RawLoop {
 public:
  RawLoop()
      : event_(check(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK), "eventfd")),
        epoll_(check(::epoll_create1(EPOLL_CLOEXEC), "epoll_create1")) {
    epoll_event event{};
    event.events = EPOLLIN;
    check(::epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, event_.get(), &event), "epoll_ctl");
  }

  void send(Function message) {
    bool was_empty;
    {
      std::lock_guard lock(mutex_);
      was_empty = messages_.empty();
      messages_.push_back(std::move(message));
    }
    const std::uint64_t one = 1;
    if (was_empty) check(::write(event_.get(), &one, sizeof one), "write");
  }

  template <class Done>
  void run_until(Done done) {
    std::vector<Function> messages;
    while (!done()) {
      epoll_event events[64];
      check(::epoll_wait(epoll_.get(), events, 64, -1), "epoll_wait");
      std::uint64_t count;
      check(::read(event_.get(), &count, sizeof count), "read");
      {
        std::lock_guard lock(mutex_);
        messages_.swap(messages);
      }
      for (Function& message : messages) message();
      messages.clear();
    }
  }

 private:
  UniqueFd event_;
  UniqueFd epoll_;
  std::mutex mutex_;
  std::vector<Function> messages_;
};

double raw_stream() {
  static RawLoop loop;  // warm from the second round on, as the subject is
  int received = 0;
  const double start = seconds_now();
  std::thread sender([&received] {
    for (int i = 0; i < kStream; ++i) loop.send([&received] { ++received; });
  });
  loop.run_until([&] { return received == kStream; });
  const double took = seconds_now() - start;
  sender.join();
  return kStream / took;
}

double loop_stream() {
  Reactor& reactor = Reactor::current();
  int received = 0;
  const double start = seconds_now();
  std::thread sender([&received, remote = reactor.remote()] {
    for (int i = 0; i < kStream; ++i) remote.call_soon_threadsafe([&received] { ++received; });
  });
  reactor.run_until([&] { return received == kStream; });
  const double took = seconds_now() - start;
  sender.join();
  return kStream / took;
}

/// A message on its way: there and back again, until all trips are made.
struct RawBall {
  RawLoop* here;
  RawLoop* there;
  int* trips;
  bool home;
  void operator()() const {
    if (home && --*trips == 0) return;
    (home ? there : here)->send(RawBall{here, there, trips, !home});
  }
};

double raw_roundtrip() {
  RawLoop here, there;
  bool over = false;
  std::thread echo([&] { there.run_until([&] { return over; }); });
  int trips = kTrips;
  const double start = seconds_now();
  there.send(RawBall{&here, &there, &trips, false});
  here.run_until([&] { return trips == 0; });
  const double took = seconds_now() - start;
  there.send([&] { over = true; });
  echo.join();
  return kTrips / took;
}

/// The same through two loops.
struct Ball {
  const Remote* here;
  const Remote* there;
  int* trips;
  bool home;
  void operator()() const {
    if (home && --*trips == 0) return;
    (home ? there : here)->call_soon_threadsafe(Ball{here, there, trips, !home});
  }
};

double loop_roundtrip() {
  Reactor reactor;
  const Remote here = reactor.remote();
  std::atomic<const Remote*> echos{nullptr};
  std::thread echo([&] {
    Reactor mine;
    const Remote remote = mine.remote();
    echos = &remote;
    mine.run_forever();
  });
  while (echos.load() == nullptr) std::this_thread::yield();
  const Remote there = *echos.load();  // a copy: that one goes with its thread
  int trips = kTrips;
  const double start = seconds_now();
  there.call_soon_threadsafe(Ball{&here, &there, &trips, false});
  reactor.run_until([&] { return trips == 0; });
  const double took = seconds_now() - start;
  there.call_soon_threadsafe([] { Reactor::current().stop(); });
  echo.join();
  return kTrips / took;
}

}  // namespace
}  // namespace simul::bench

int main(int argc, char** argv) {
  return simul::bench::run(argc, argv, [](simul::bench::Bench& bench) {
    using namespace simul::bench;
    bench.compare("wakeup.stream", "messages/s", loop_stream, raw_stream);
    bench.compare("wakeup.roundtrip", "trips/s", loop_roundtrip, raw_roundtrip);
  });
}
