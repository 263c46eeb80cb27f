// Streams that play echo: 32 bytes there and back, in one thread, over socket pairs.
//
//   streams.echo.N   N pairs at once; each end is a Stream with a task of its own. A client writes,
//                    drains and reads exactly 32 bytes; the server writes back whatever it reads.
//
// The floor is an epoll loop as one would write it for this and nothing else: a table of
// descriptors, a buffer on the stack, one read for each event and one write for each read.
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstddef>
#include <string>
#include <vector>

#include "runtime/base/error.hpp"
#include "runtime/base/unique_fd.hpp"
#include "runtime/net/socket.hpp"
#include "runtime/task/create_task.hpp"
#include "runtime/task/run.hpp"
#include "runtime/task/stream.hpp"
#include "tests/bench/bench.hpp"

namespace simul::bench {
namespace {

constexpr std::size_t kMessage = 32;

std::vector<net::SocketPair> make_pairs(std::size_t count) {
  std::vector<net::SocketPair> pairs;
  for (std::size_t i = 0; i < count; ++i) pairs.push_back(net::connected_pair());
  return pairs;
}

// --- The floor -----------------------------------------------------------------------------------

void send_message(int fd, const char* bytes) {
  check(::send(fd, bytes, kMessage, MSG_NOSIGNAL), "send");  // one is under way: never full
}

double bare_epoll(std::size_t count, std::size_t trips) {
  const std::vector<net::SocketPair> pairs = make_pairs(count);
  const UniqueFd epoll(check(::epoll_create1(EPOLL_CLOEXEC), "epoll_create1"));
  struct End {
    int fd;
    bool client;
    std::size_t to_receive;
  };
  std::vector<End> ends;
  for (const net::SocketPair& pair : pairs) {
    ends.push_back({pair.first.get(), true, trips});
    ends.push_back({pair.second.get(), false, trips});
  }
  for (std::size_t i = 0; i < ends.size(); ++i) {
    epoll_event event{};
    event.events = EPOLLIN;
    event.data.u64 = i;
    check(::epoll_ctl(epoll.get(), EPOLL_CTL_ADD, ends[i].fd, &event), "epoll_ctl");
  }
  char message[1024] = {};
  const double start = seconds_now();
  for (std::size_t i = 0; i < ends.size(); i += 2) send_message(ends[i].fd, message);
  for (std::size_t playing = count; playing != 0;) {
    epoll_event events[64];
    const int ready = check(::epoll_wait(epoll.get(), events, 64, -1), "epoll_wait");
    for (int i = 0; i < ready; ++i) {
      End& end = ends[events[i].data.u64];
      check(::recv(end.fd, message, sizeof message, 0), "recv");
      --end.to_receive;
      if (end.to_receive > 0 || !end.client) send_message(end.fd, message);
      if (end.to_receive == 0 && end.client) --playing;
    }
  }
  return static_cast<double>(count * trips) / (seconds_now() - start);
}

// --- Streams -------------------------------------------------------------------------------------

Task<> echo(Stream stream) {
  for (;;) {
    std::string bytes = co_await stream.read(1024);
    if (bytes.empty()) co_return;
    stream.write(bytes);
    co_await stream.drain();
  }
}

Task<> client(Stream& stream, std::size_t trips) {
  const std::string message(kMessage, 'x');
  for (std::size_t i = 0; i < trips; ++i) {
    stream.write(message);
    co_await stream.drain();
    co_await stream.read_exactly(kMessage);
  }
}

Task<double> play(std::size_t count, std::size_t trips) {
  std::vector<Stream> streams;
  std::vector<TaskHandle<>> tasks;
  const net::Address nobody = net::Address::unix_abstract("bench");
  for (net::SocketPair& pair : make_pairs(count)) {
    Stream server(Descriptor(std::move(pair.second), Peer::here), nobody, {.peer = Peer::here});
    tasks.push_back(create_task(echo(std::move(server))));
    streams.emplace_back(Descriptor(std::move(pair.first), Peer::here), nobody);
  }
  // Registering is not what is measured: one trip before the clock starts.
  for (Stream& stream : streams) co_await client(stream, 1);
  const double start = seconds_now();
  std::vector<TaskHandle<>> clients;
  for (Stream& stream : streams) clients.push_back(create_task(client(stream, trips)));
  for (const TaskHandle<>& each : clients) co_await each;
  const double result = static_cast<double>(count * trips) / (seconds_now() - start);
  streams.clear();
  for (const TaskHandle<>& each : tasks) co_await each;
  co_return result;
}

double streams(std::size_t count, std::size_t trips) {
  Reactor reactor;
  return run(play(count, trips));
}

void echo_bench(Bench& bench, std::size_t count) {
  const std::size_t trips = 40'000 / count;
  bench.compare(
      "streams.echo." + std::to_string(count), "trips/s", [&] { return streams(count, trips); },
      [&] { return bare_epoll(count, trips); });
}

}  // namespace
}  // namespace simul::bench

int main(int argc, char** argv) {
  return simul::bench::run(argc, argv, [](simul::bench::Bench& bench) {
    simul::bench::echo_bench(bench, 1);
    simul::bench::echo_bench(bench, 100);
  });
}
