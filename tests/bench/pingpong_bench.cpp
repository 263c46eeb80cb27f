// Many conversations in one thread: socket pairs whose two ends send one byte to and fro.
//
// With 1, 100, 1,000 and 9,900 pairs at once. A trip is there and back: two writes, two reads, and
// what it costs to learn that there is something to read. The floor is an epoll loop as one would
// write it for this and nothing else: 64 events at a time, a table of descriptors, no waiting
// objects. The subject is the reactor, once with a routine for each end (`pingpong.1`), which is
// what everything else is made of, and once with a fiber for each end (`pingpong.fiber.1`).
//
// All three use the same pairs, one after the other: 9,900 pairs are 19,800 descriptors.
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <new>
#include <string>
#include <vector>

#include "runtime/base/error.hpp"
#include "runtime/base/unique_fd.hpp"
#include "runtime/fiber/fiber.hpp"
#include "runtime/reactor/descriptor.hpp"
#include "tests/bench/bench.hpp"

namespace simul::bench {
namespace {

/// The descriptors. Ends 2i and 2i + 1 are a pair; the even one serves.
struct Pairs {
  explicit Pairs(std::size_t count) {
    for (std::size_t i = 0; i < count; ++i) {
      int fds[2];
      check(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fds),
            "socketpair");
      ends.emplace_back(fds[0]);
      ends.emplace_back(fds[1]);
    }
  }
  std::size_t count() const { return ends.size() / 2; }

  std::vector<UniqueFd> ends;
};

void send(int fd) {
  const char ball = 'o';
  check(::write(fd, &ball, 1), "write");  // never full: one byte is under way in each pair
}

/// Is there a byte? The room for 64 is so that one call tells that there are no more.
bool receive(int fd) {
  char balls[64];
  const ssize_t count = ::read(fd, balls, sizeof balls);
  if (count < 0 && errno != EAGAIN) throw_errno("read");
  return count > 0;
}

/// What one end still has to do. The one who serves counts; the other returns all it gets.
struct End {
  int fd;
  std::size_t to_send;
  std::size_t to_receive;
};

std::vector<End> line_up(const Pairs& pairs, std::size_t trips) {
  std::vector<End> ends;
  for (const UniqueFd& fd : pairs.ends) ends.push_back({fd.get(), trips, trips});
  return ends;
}

double rate(std::size_t pairs, std::size_t trips, double start) {
  return static_cast<double>(pairs * trips) / (seconds_now() - start);
}

// --- The floor ----------------------------------------------------------------------------------

double bare_epoll(Pairs& pairs, std::size_t trips) {
  const UniqueFd epoll(check(::epoll_create1(EPOLL_CLOEXEC), "epoll_create1"));
  std::vector<End> ends = line_up(pairs, trips);
  for (std::size_t i = 0; i < ends.size(); ++i) {
    epoll_event event{};
    event.events = EPOLLIN;
    event.data.u64 = i;
    check(::epoll_ctl(epoll.get(), EPOLL_CTL_ADD, ends[i].fd, &event), "epoll_ctl");
  }
  const double start = seconds_now();
  for (std::size_t i = 0; i < ends.size(); i += 2) {
    send(ends[i].fd);
    --ends[i].to_send;
  }
  for (std::size_t playing = ends.size(); playing != 0;) {
    epoll_event events[64];
    const int count = check(::epoll_wait(epoll.get(), events, 64, -1), "epoll_wait");
    for (int i = 0; i < count; ++i) {
      End& end = ends[events[i].data.u64];
      if (!receive(end.fd)) continue;
      --end.to_receive;
      if (end.to_send > 0) {
        send(end.fd);
        --end.to_send;
      }
      if (end.to_receive == 0) --playing;
    }
  }
  return rate(pairs.count(), trips, start);
}

// --- The reactor, with routines -----------------------------------------------------------------

/// One end as a routine: it waits, and each step is a byte.
class Player final : public Routine {
 public:
  Player(Reactor& reactor, UniqueFd fd, std::size_t trips, bool serves, std::size_t& playing)
      : Routine(reactor, Kind::callback),
        end_{fd.get(), trips, trips},
        socket_(std::move(fd), Peer::here),
        playing_(playing) {
    wait();
    if (serves) serve();
  }
  ~Player() { over(); }

  void serve() {
    send(end_.fd);
    --end_.to_send;
  }

  void step() override {
    readiness_.await_resume();
    over();
    if (receive(end_.fd)) {
      --end_.to_receive;
      if (end_.to_send > 0) serve();
      if (end_.to_receive == 0) {
        --playing_;
        return;
      }
    }
    wait();
  }

  std::string describe() const override { return "player"; }

  UniqueFd release() { return socket_.release(); }

 private:
  void wait() {
    ::new (&readiness_) Readiness(socket_.readable());
    waits_ = true;
    readiness_.suspend(*this);
  }
  void over() {
    if (std::exchange(waits_, false)) readiness_.~Readiness();
  }

  End end_;
  Descriptor socket_;
  std::size_t& playing_;
  union {
    Readiness readiness_;  // alive while `waits_`: a wait object is made for each wait
  };
  bool waits_ = false;
};

double routines(Pairs& pairs, std::size_t trips) {
  Reactor reactor;
  std::size_t playing = pairs.ends.size();
  std::deque<Player> players;
  // Registering is not what is measured, so the odd ends are there before the clock starts.
  for (std::size_t i = 0; i < pairs.ends.size(); ++i) {
    players.emplace_back(reactor, std::move(pairs.ends[i]), trips, false, playing);
  }
  const double start = seconds_now();
  for (std::size_t i = 0; i < players.size(); i += 2) players[i].serve();
  reactor.run_until([&] { return playing == 0; });
  const double result = rate(pairs.count(), trips, start);
  for (std::size_t i = 0; i < players.size(); ++i) pairs.ends[i] = players[i].release();
  return result;
}

// --- The reactor, with fibers -------------------------------------------------------------------

void receive_or_wait(Descriptor& socket) {
  do {
    await(socket.readable());
  } while (!receive(socket.fd()));
}

double fibers(Pairs& pairs, std::size_t trips) {
  Reactor reactor;
  std::deque<Descriptor> sockets;
  for (UniqueFd& fd : pairs.ends) sockets.emplace_back(std::move(fd), Peer::here);
  std::vector<Fiber<>> players;
  double start = 0;
  // All but the first wait before it serves, and with that all are registered.
  for (std::size_t i = sockets.size(); i-- > 0;) {
    players.push_back(spawn([&, i] {
      if (i == 0) {
        start = seconds_now();
        for (std::size_t other = 0; other < sockets.size(); other += 2) send(sockets[other].fd());
      }
      const bool serves = i % 2 == 0;
      for (std::size_t trip = 0; trip < trips; ++trip) {
        receive_or_wait(sockets[i]);
        if (!serves || trip + 1 < trips) send(sockets[i].fd());
      }
    }));
  }
  join_all(players, {.raise_error = true});
  const double result = rate(pairs.count(), trips, start);
  for (std::size_t i = 0; i < sockets.size(); ++i) pairs.ends[i] = sockets[i].release();
  return result;
}

void pingpong(Bench& bench, std::size_t count, const std::string& size) {
  const std::string plain = "pingpong." + size, fiber = "pingpong.fiber." + size;
  if (!bench.wants(plain) && !bench.wants(fiber)) return;
  Pairs pairs(count);
  const std::size_t trips = std::max<std::size_t>(40'000 / count, 6);
  bench.compare(
      plain, "trips/s", [&] { return routines(pairs, trips); },
      [&] { return bare_epoll(pairs, trips); });
  bench.compare(
      fiber, "trips/s", [&] { return fibers(pairs, trips); },
      [&] { return bare_epoll(pairs, trips); });
}

/// 9,900 pairs need nearly 20,000 descriptors; a program is often given 1,024 at first.
void allow_many_descriptors() {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
  limit.rlim_cur = limit.rlim_max;
  ::setrlimit(RLIMIT_NOFILE, &limit);
}

}  // namespace
}  // namespace simul::bench

int main(int argc, char** argv) {
  return simul::bench::run(argc, argv, [](simul::bench::Bench& bench) {
    simul::bench::allow_many_descriptors();
    simul::bench::pingpong(bench, 1, "1");
    simul::bench::pingpong(bench, 100, "100");
    simul::bench::pingpong(bench, 1'000, "1000");
    simul::bench::pingpong(bench, 9'900, "9900");
  });
}
