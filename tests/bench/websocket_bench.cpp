// WebSockets: what a byte costs, what a frame costs, and what a message there and back costs.
//
//   websocket.mask          unmasking 64 KiB, GB/s; the floor is a bare loop over 64-bit words
//   websocket.read.N        reading masked text messages of N bytes from memory, each; the floor
//                           copies the payload out and XORs it, and looks at nothing
//   websocket.write.N       framing and masking one; the floor is the same
//   websocket.echo.N        messages of N bytes to a server and back, one at a time over loopback
//                           TCP; the floor is a blocking echo of the same bytes
//   websocket.echo.N.cpu    CPU time of the server for each
//
// The servers are processes of their own, and the client is a bare blocking socket in this one.
#include <fcntl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <csignal>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/http/websocket.hpp"
#include "runtime/net/socket.hpp"
#include "runtime/task/run.hpp"
#include "runtime/web/server.hpp"
#include "runtime/web/websocket.hpp"
#include "tests/bench/bench.hpp"

namespace simul::bench {
namespace {

namespace ws = http::websocket;

constexpr ws::MaskKey kKey = {0x37, 0xfa, 0x21, 0x3d};

std::string frame(ws::Role to, std::size_t size) {
  std::string out;
  ws::write_frame(out, ws::Opcode::text, std::string(size, 'x'), true,
                  to == ws::Role::server ? &kKey : nullptr);
  return out;
}

void bare_xor(char* bytes, std::size_t size) {
  std::uint64_t key = 0x3d21fa373d21fa37;
  for (std::size_t i = 0; i + 8 <= size; i += 8) {
    std::uint64_t word;
    std::memcpy(&word, bytes + i, 8);
    word ^= key;
    std::memcpy(bytes + i, &word, 8);
  }
  for (std::size_t i = size / 8 * 8; i < size; ++i) bytes[i] ^= static_cast<char>(key);
}

// CPU time of this thread: for what never waits, and so is not to count who else computes.
double cpu_seconds() {
  timespec time{};
  check(::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time), "clock_gettime");
  return static_cast<double>(time.tv_sec) + 1e-9 * static_cast<double>(time.tv_nsec);
}

// Nanoseconds for each of n times.
template <class F>
double cost(std::size_t n, F&& function) {
  const double start = cpu_seconds();
  function(n);
  return 1e9 * (cpu_seconds() - start) / static_cast<double>(n);
}

void measure_bytes(Bench& bench) {
  std::string bytes(64 * 1024, 'x');
  const auto rate = [&](auto&& function) {
    return static_cast<double>(bytes.size()) / cost(2000, [&](std::size_t n) {
             for (std::size_t i = 0; i < n; ++i) {
               function();
               keep(bytes[0]);
             }
           });
  };
  bench.compare(
      "websocket.mask", "GB/s", [&] { return rate([&] { ws::mask(bytes, kKey); }); },
      [&] { return rate([&] { bare_xor(bytes.data(), bytes.size()); }); });

  for (const std::size_t size : {32u, 65536u}) {
    const std::size_t times = size > 10'000 ? 1000 : 200'000;
    const std::string one = frame(ws::Role::server, size);
    std::string many;
    while (many.size() < 64 * 1024) many += one;
    std::vector<char> payload(size);
    const auto copy_and_xor = [&] {
      return cost(times, [&](std::size_t n) {
        std::size_t at = 0;
        for (std::size_t i = 0; i < n; ++i) {
          if (at == many.size()) at = 0;
          at += one.size();
          std::memcpy(payload.data(), many.data() + at - size, size);
          bare_xor(payload.data(), size);
          keep(payload[0]);
        }
      });
    };
    bench.compare(
        "websocket.read." + std::to_string(size), "ns",
        [&] {
          return cost(times, [&](std::size_t n) {
            ws::Connection connection(ws::Role::server);
            std::string_view input;
            for (std::size_t i = 0; i < n; ++i) {
              if (input.empty()) input = many;
              if (connection.next(input) != ws::Event::message) std::abort();
              const ws::Message message = connection.take_message();
              keep(message.data[0]);
            }
          });
        },
        copy_and_xor);
    bench.compare(
        "websocket.write." + std::to_string(size), "ns",
        [&] {
          return cost(times, [&](std::size_t n) {
            ws::Connection connection(ws::Role::client);
            const std::string text(size, 'x');
            std::string out;
            for (std::size_t i = 0; i < n; ++i) {
              out.clear();
              connection.send(out, text, true);
              keep(out[0]);
            }
          });
        },
        copy_and_xor);
  }
}

// A server in a child process, which tells its port.
class ServerProcess {
 public:
  template <class Serve>
  explicit ServerProcess(Serve serve) {
    int fds[2];
    check(::pipe(fds), "pipe");
    const UniqueFd in(fds[0]), out(fds[1]);
    pid_ = check(::fork(), "fork");
    if (pid_ == 0) {
      serve(out.get());
      ::_exit(0);
    }
    if (::read(in.get(), &port_, sizeof port_) != sizeof port_) throw_errno("no server");
  }
  ~ServerProcess() {
    ::kill(pid_, SIGKILL);
    ::waitpid(pid_, nullptr, 0);
  }
  ServerProcess(const ServerProcess&) = delete;
  ServerProcess& operator=(const ServerProcess&) = delete;

  UniqueFd connect() const {
    const net::Address address = net::Address::loopback(port_);
    UniqueFd socket(check(::socket(AF_INET, SOCK_STREAM, 0), "socket"));
    check(::connect(socket.get(), address.data(), address.size()), "connect");
    net::set_no_delay(socket.get());
    return socket;
  }

  // Microseconds that it has computed.
  double cpu() const {
    clockid_t clock;
    timespec time{};
    if (::clock_getcpuclockid(pid_, &clock) != 0) throw_errno("clock_getcpuclockid");
    check(::clock_gettime(clock, &time), "clock_gettime");
    return 1e6 * static_cast<double>(time.tv_sec) + 1e-3 * static_cast<double>(time.tv_nsec);
  }

 private:
  std::uint16_t port_ = 0;
  pid_t pid_ = -1;
};

void tell(int out, std::uint16_t port) {
  if (::write(out, &port, sizeof port) != sizeof port) ::_exit(1);
}

void serve_ours(int out) {
  auto main = [out]() -> Task<> {
    web::Router router;
    router.get("/", [](web::Request& request) -> Task<web::Response> {
      co_return web::websocket(request, [](web::WebSocket& socket) -> Task<> {
        while (auto message = co_await socket.receive()) co_await socket.send(*std::move(message));
      });
    });
    web::Server server(std::move(router));
    tell(out, server.address().port());
    co_await server.wait_closed();
  };
  run(main());
}

void receive_all(int fd, char* at, std::size_t size) {
  while (size > 0) {
    const ssize_t got = check(::recv(fd, at, size, 0), "recv");
    if (got == 0) throw std::runtime_error("the server has closed the connection");
    at += got;
    size -= static_cast<std::size_t>(got);
  }
}

void send_all(int fd, std::string_view bytes) {
  while (!bytes.empty()) {
    bytes.remove_prefix(static_cast<std::size_t>(
        check(::send(fd, bytes.data(), bytes.size(), MSG_NOSIGNAL), "send")));
  }
}

// Takes so many bytes and sends so many back, again and again.
void serve_bare(int out, std::size_t asked, std::size_t answered) {
  const UniqueFd listener = net::listen_on(net::Address::loopback(0));
  ::fcntl(listener.get(), F_SETFL, 0);
  tell(out, net::local_address(listener.get()).port());
  std::vector<char> buffer(asked + answered);
  for (;;) {
    const UniqueFd client(check(::accept(listener.get(), nullptr, nullptr), "accept"));
    net::set_no_delay(client.get());
    try {
      for (;;) {
        receive_all(client.get(), buffer.data(), asked);
        send_all(client.get(), {buffer.data(), answered});
      }
    } catch (const std::exception&) {  // the next one
    }
  }
}

struct Round {
  double rate;
  double cpu;
};

Round talk(const ServerProcess& server, bool handshake, std::size_t size) {
  const UniqueFd socket = server.connect();
  if (handshake) {
    send_all(socket.get(),
             "GET / HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
             "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n");
    std::string head;
    for (char c; !head.ends_with("\r\n\r\n"); head += c) receive_all(socket.get(), &c, 1);
  }
  const std::string asked = frame(ws::Role::server, size);
  std::string answer = frame(ws::Role::client, size);
  const int times = size > 10'000 ? 1000 : 5000;
  const double before = server.cpu();
  const double start = seconds_now();
  for (int i = 0; i < times; ++i) {
    send_all(socket.get(), asked);
    receive_all(socket.get(), answer.data(), answer.size());
  }
  return {times / (seconds_now() - start), (server.cpu() - before) / times};
}

void measure_echo(Bench& bench) {
  for (const std::size_t size : {32u, 65536u}) {
    const std::string name = "websocket.echo." + std::to_string(size);
    if (!bench.wants(name)) continue;
    const ServerProcess ours(serve_ours);
    const ServerProcess bare([&](int out) {
      serve_bare(out, frame(ws::Role::server, size).size(), frame(ws::Role::client, size).size());
    });
    std::vector<double> rate, bare_rate, cpu, bare_cpu;
    for (int round = -1; round < bench.rounds(); ++round) {
      const Round floor = talk(bare, false, size);
      const Round subject = talk(ours, true, size);
      if (round < 0) continue;  // the first pair warms up
      rate.push_back(subject.rate);
      bare_rate.push_back(floor.rate);
      cpu.push_back(subject.cpu);
      bare_cpu.push_back(floor.cpu);
    }
    bench.report(name, rate, bare_rate, "1/s");
    bench.report(name + ".cpu", cpu, bare_cpu, "us");
  }
}

}  // namespace
}  // namespace simul::bench

int main(int argc, char** argv) {
  return simul::bench::run(argc, argv, [](simul::bench::Bench& bench) {
    simul::bench::measure_bytes(bench);
    simul::bench::measure_echo(bench);
  });
}
