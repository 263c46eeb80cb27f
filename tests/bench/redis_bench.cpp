// The Redis client: commands a second, and bytes of RESP a second.
//
// The server is redis-server, as a process of its own on a Unix socket; without it only the parser
// is measured. The floor is a bare blocking socket that writes the same bytes to the same server
// and reads until as many bytes have come back as are due, without a look at them.
//
//   redis.call       one command after another, each when the last one's reply is here
//   redis.shared     64 tasks that do so at the same time on one connection
//   redis.pipeline   a thousand commands in one Pipeline
//   redis.parse      replies that lie in memory, short ones and one of a megabyte; the floor copies
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <cstring>
#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/base/error.hpp"
#include "runtime/base/unique_fd.hpp"
#include "runtime/redis/client.hpp"
#include "runtime/redis/resp.hpp"
#include "runtime/task/create_task.hpp"
#include "runtime/task/run.hpp"
#include "tests/bench/bench.hpp"
#include "tests/support/redis_server.hpp"

namespace simul::bench {
namespace {

using redis::Client;
using simul::testing::RedisServer;

constexpr std::string_view kValue = "0123456789abcdef0123456789abcdef";
constexpr std::size_t kReplySize = kValue.size() + 7;  // $32\r\n...\r\n

std::string get_command() {
  std::string bytes;
  redis::write_command(bytes, {"GET", "key"});
  return bytes;
}

// A blocking socket.
class BareClient {
 public:
  explicit BareClient(const redis::Url& url)
      : socket_(check(::socket(AF_UNIX, SOCK_STREAM, 0), "socket")) {
    const net::Address address = net::Address::unix_path(url.path);
    check(::connect(socket_.get(), address.data(), address.size()), "connect");
  }

  // Writes `bytes` and reads `due` bytes.
  void ask(std::string_view bytes, std::size_t due) {
    while (!bytes.empty()) {
      const ssize_t sent = ::send(socket_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
      bytes.remove_prefix(static_cast<std::size_t>(check(sent, "send")));
    }
    while (due > 0) {
      const ssize_t got = check(::recv(socket_.get(), room_, sizeof room_, 0), "recv");
      if (got == 0) throw std::runtime_error("the server hung up");
      due -= std::min(due, static_cast<std::size_t>(got));
    }
  }

 private:
  UniqueFd socket_;
  char room_[64 * 1024];
};

// What `work` takes for `count` commands, as thousands a second.
template <class Work>
double rate(std::size_t count, Work&& work) {
  const double start = seconds_now();
  work();
  return static_cast<double>(count) / 1000 / (seconds_now() - start);
}

Task<> call_again_and_again(Client& client, std::size_t count) {
  while (count-- > 0) {
    const redis::Reply reply = co_await client.call("GET", "key");
    if (reply.as_text() != kValue) throw std::runtime_error("not what was expected");
  }
}

Task<> call_at_once(Client& client, std::size_t callers, std::size_t each) {
  std::vector<TaskHandle<>> tasks;
  for (std::size_t i = 0; i < callers; ++i) {
    tasks.push_back(create_task(call_again_and_again(client, each)));
  }
  for (const auto& task : tasks) co_await task;
}

Task<> execute_again_and_again(Client& client, std::size_t size, std::size_t times) {
  while (times-- > 0) {
    redis::Pipeline pipeline;
    for (std::size_t i = 0; i < size; ++i) pipeline.add("GET", "key");
    const std::vector<redis::Reply> replies = co_await client.execute(std::move(pipeline));
    if (replies.back().as_text() != kValue) throw std::runtime_error("not what was expected");
  }
}

void ask_server(Bench& bench) {
  const RedisServer server;
  if (server.url().empty()) return;
  Reactor loop;
  Client client(server.url());
  run([](Client& its_client) -> Task<> { co_await its_client.call("SET", "key", kValue); }(client));
  BareClient bare(client.url());
  const std::string command = get_command();
  const auto bare_rounds = [&](std::size_t size, std::size_t times) {
    std::string bytes;
    for (std::size_t i = 0; i < size; ++i) bytes += command;
    return rate(size * times, [&] {
      for (std::size_t i = 0; i < times; ++i) bare.ask(bytes, size * kReplySize);
    });
  };
  bench.compare(
      "redis.call", "k/s",
      [&] { return rate(5'000, [&] { run(call_again_and_again(client, 5'000)); }); },
      [&] { return bare_rounds(1, 5'000); });
  bench.compare(
      "redis.shared", "k/s",
      [&] { return rate(64 * 500, [&] { run(call_at_once(client, 64, 500)); }); },
      [&] { return bare_rounds(64, 500); });
  bench.compare(
      "redis.pipeline", "k/s",
      [&] { return rate(100'000, [&] { run(execute_again_and_again(client, 1'000, 100)); }); },
      [&] { return bare_rounds(1'000, 100); });
}

// Gigabytes a second of `bytes`, read from memory.
double parse(const std::string& bytes, std::size_t times) {
  const double start = seconds_now();
  redis::ReplyReader reader;
  for (std::size_t i = 0; i < times; ++i) {
    for (std::string_view rest = bytes; !rest.empty();) {
      rest.remove_prefix(reader.feed(rest.substr(0, 64 * 1024)));
      if (reader.ready()) keep(reader.take());
    }
  }
  return static_cast<double>(bytes.size() * times) / 1e9 / (seconds_now() - start);
}

double copy(const std::string& bytes, std::size_t times) {
  std::string other = bytes;
  const double start = seconds_now();
  for (std::size_t i = 0; i < times; ++i) {
    std::memcpy(other.data(), bytes.data(), bytes.size());
    keep(other);
  }
  return static_cast<double>(bytes.size() * times) / 1e9 / (seconds_now() - start);
}

void parse_memory(Bench& bench) {
  std::string small;
  for (int i = 0; i < 5'000; ++i) {
    redis::write_text(small, kValue);
    redis::write_integer(small, i);
    redis::write_status(small, "OK");
  }
  std::string large;
  redis::write_text(large, std::string(1 << 20, 'x'));
  std::string row;
  redis::write_array(row, 5'000);
  for (int i = 0; i < 5'000; ++i) redis::write_text(row, kValue);
  bench.compare(
      "redis.parse.small", "GB/s", [&] { return parse(small, 50); },
      [&] { return copy(small, 50); });
  bench.compare(
      "redis.parse.array", "GB/s", [&] { return parse(row, 50); }, [&] { return copy(row, 50); });
  bench.compare(
      "redis.parse.large", "GB/s", [&] { return parse(large, 50); },
      [&] { return copy(large, 50); });
}

}  // namespace
}  // namespace simul::bench

int main(int argc, char** argv) {
  return simul::bench::run(argc, argv, [](simul::bench::Bench& bench) {
    simul::bench::ask_server(bench);
    simul::bench::parse_memory(bench);
  });
}
