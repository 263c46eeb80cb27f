// The session as a client: GETs a second over kept-alive connections, one at a time and 64 at once.
//
// The server is nginx, as a process of its own; without it, a bare epoll loop in a child process
// that answers whatever it is sent. The floor is a bare epoll client that sends the same bytes to
// the same server and looks for nothing but the length of the answer. Beside the rate stands the
// CPU time that the client itself takes for a GET, system calls included: where the server shares
// the processor with it, that is the steadier figure.
#include <sys/socket.h>
#include <unistd.h>

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/base/error.hpp"
#include "runtime/base/unique_fd.hpp"
#include "runtime/net/socket.hpp"
#include "runtime/task/create_task.hpp"
#include "runtime/task/run.hpp"
#include "runtime/web/session.hpp"
#include "tests/bench/bare_http.hpp"
#include "tests/bench/bench.hpp"
#include "tests/bench/http_client.hpp"
#include "tests/support/nginx.hpp"

namespace simul::bench {
namespace {

// The bytes that a session sends, and how long the answer is: taken from the wire by a server that
// hands the request on.
std::string request_of_session(const std::string& path_of_server) {
  const UniqueFd listener = net::listen_on(net::Address::loopback(0));
  const std::string own =
      "http://" + net::local_address(listener.get()).to_string() + path_of_server;
  std::string request;
  const auto serve = [&]() -> Task<> {
    Descriptor descriptor(UniqueFd(::dup(listener.get())));
    co_await descriptor.readable();
    net::Accepted accepted = net::accept_from(descriptor.fd());
    Descriptor peer(std::move(accepted.socket));
    while (!request.ends_with("\r\n\r\n")) {
      co_await peer.readable();
      char buffer[4096];
      const net::Transfer got = net::try_receive(peer.fd(), buffer);
      if (got.outcome == net::Outcome::done) request.append(buffer, got.bytes);
    }
    net::try_send(peer.fd(), "HTTP/1.1 204 No Content\r\n\r\n");
  };
  const auto main = [&]() -> Task<> {
    web::Session session;
    const auto server = create_task(serve());
    co_await session.get(own);
    co_await server;
  };
  run(main());
  return request;
}

std::size_t answer_size(const net::Address& address, std::string_view request) {
  const UniqueFd socket(check(::socket(AF_INET, SOCK_STREAM, 0), "socket"));
  check(::connect(socket.get(), address.data(), address.size()), "connect");
  check(::send(socket.get(), request.data(), request.size(), MSG_NOSIGNAL), "send");
  std::string answer;
  for (;;) {
    char buffer[4096];
    const ssize_t got = check(::recv(socket.get(), buffer, sizeof buffer, 0), "recv");
    if (got == 0) throw std::runtime_error("the server hung up");
    answer.append(buffer, static_cast<std::size_t>(got));
    const std::size_t head = answer.find("\r\n\r\n");
    const std::size_t at = answer.find("Content-Length: ");
    if (head == std::string::npos || at == std::string::npos) continue;
    const std::size_t size = head + 4 + std::stoul(answer.substr(at + 16));
    if (answer.size() >= size) return size;
  }
}

// --- The subject ---------------------------------------------------------------------------------

Task<> get_again_and_again(web::Session& session, const std::string& url, std::size_t& left) {
  while (left > 0) {
    --left;
    const http::Response response = co_await session.get(url);
    if (response.status != 200) throw std::runtime_error("not what was expected");
  }
}

Round session_client(web::Session& session, const std::string& url, int at_once) {
  std::size_t left = kRequests;
  const auto main = [&]() -> Task<> {
    std::vector<TaskHandle<>> tasks;
    for (int i = 0; i < at_once; ++i) {
      tasks.push_back(create_task(get_again_and_again(session, url, left)));
    }
    for (const auto& task : tasks) co_await task;
  };
  return measure_requests([&] { run(main()); });
}

}  // namespace
}  // namespace simul::bench

int main(int argc, char** argv) {
  using namespace simul;
  return bench::run(argc, argv, [](bench::Bench& bench) {
    if (!bench.wants("http.get.1") && !bench.wants("http.get.64")) return;
    const testing::Nginx nginx("location = /x { return 200 hello; }");
    const std::unique_ptr<bench::BareServer> bare =
        nginx.url().empty() ? std::make_unique<bench::BareServer>() : nullptr;
    const net::Address address =
        bare ? bare->address() : net::Address::parse(nginx.url().substr(7));
    const std::string url = "http://" + address.to_string() + "/x";
    std::string request = bench::request_of_session("/x");
    const std::size_t from = request.find("Host: ") + 6;
    request.replace(from, request.find("\r\n", from) - from, address.to_string());
    const std::size_t answer_size = bench::answer_size(address, request);
    for (const int at_once : {1, 64}) {
      const std::string name = "http.get." + std::to_string(at_once);
      if (!bench.wants(name)) continue;
      web::Session session;
      std::vector<double> rates, bare_rates, times, bare_times;
      for (int round = -1; round < bench.rounds(); ++round) {
        const bench::Round bottom = bench::bare_client(address, request, answer_size, at_once);
        const bench::Round top = bench::session_client(session, url, at_once);
        if (round < 0) continue;  // the first pair warms up
        bare_rates.push_back(bottom.rate);
        bare_times.push_back(bottom.microseconds);
        rates.push_back(top.rate);
        times.push_back(top.microseconds);
      }
      bench.report(name, rates, bare_rates, "1/s");
      bench.report(name + ".cpu", times, bare_times, "us");
    }
  });
}
