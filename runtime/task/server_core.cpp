#include "runtime/task/server_core.hpp"

#include <system_error>
#include <utility>

#include "runtime/base/error.hpp"
#include "runtime/reactor/sleep.hpp"
#include "runtime/task/server.hpp"
#include "runtime/task/timeout.hpp"

namespace simul {

namespace detail {

namespace {

constexpr Duration kRetry = std::chrono::milliseconds(100);

// After so many connections in a row those that are open have a turn.
constexpr int kInARow = 64;

std::system_error accept_error(const net::Address& address, int error) {
  return std::system_error(error, std::generic_category(), "accept at " + address.to_string());
}

}  // namespace

ServerCore::Served::Served(Ref<ServerCore> its_server) noexcept : server(std::move(its_server)) {
  server->served_.push_back(*this);
  ++server->open_;
}

ServerCore::Served::~Served() {
  unlink();
  --server->open_;
  server->note_if_gone();
}

ServerCore::ServerCore(StreamHandler handler, const net::Address& address,
                       const ServerOptions& options)
    : handler_(std::move(handler)),
      options_(options),
      listener_(net::listen_on(address, options.backlog), options.stream.peer, Trigger::level),
      address_(net::local_address(listener_.fd())),
      places_(options.max_connections) {}

void ServerCore::start() {
  acceptor_ = create_task(accept_all(Ref<ServerCore>(this)), "server " + address_.to_string());
}

void ServerCore::close() noexcept {
  if (std::exchange(closed_, true)) return;
  acceptor_->cancel();
  listener_.close();
  note_if_gone();
}

void ServerCore::cancel() noexcept {
  close();
  for (Served* each = served_.front(); each != nullptr; each = served_.next(*each)) {
    each->task->cancel();
  }
}

void ServerCore::note_if_gone() noexcept {
  if (closed_ && served_.empty()) gone_.set();
}

// Whatever accept(2) says, and it says a lot when descriptors or memory are short, the server goes
// on trying: the reason may pass, and until it does, those who come wait in the queue.
Task<> ServerCore::accept_all(Ref<ServerCore> self) {
  int in_a_row = 0;
  bool failing = false;
  for (;;) {
    Semaphore::Guard place = co_await self->places_.acquire();
    for (;;) {
      net::Accepted accepted = net::accept_from(self->listener_.fd());
      if (accepted.outcome == net::Outcome::done) {
        self->begin(std::move(accepted), std::move(place));
        failing = false;
        break;
      }
      in_a_row = 0;
      if (accepted.outcome == net::Outcome::would_block) {
        co_await self->listener_.readable();
      } else {
        if (!std::exchange(failing, true)) {
          Reactor::current().report(
              "server", std::make_exception_ptr(accept_error(self->address_, accepted.error)));
        }
        co_await sleep(kRetry);
      }
    }
    if (++in_a_row == kInARow) {
      in_a_row = 0;
      co_await Yield();
    }
  }
}

void ServerCore::begin(net::Accepted accepted, Semaphore::Guard place) {
  // The client's end of a Unix socket has no name as a rule.
  const net::Address peer = accepted.peer.is_ip() ? accepted.peer : address_;
  net::set_no_delay(accepted.socket.get());
  auto served = std::make_unique<Served>(Ref<ServerCore>(this));
  Served& entry = *served;
  const TaskHandle<> task =
      create_task(serve(std::move(served), std::move(place), std::move(accepted.socket), peer),
                  "connection " + peer.to_string());
  entry.task = &task.core();
}

Task<> ServerCore::serve(std::unique_ptr<Served> served, Semaphore::Guard /*place*/,
                         UniqueFd socket, net::Address peer) {
  ServerCore& self = *served->server;
  try {
    Descriptor connection(std::move(socket), self.options_.stream.peer);
    Stream stream(std::move(connection), peer, self.options_.stream);
    co_await self.handler_(stream);
    auto send_the_rest = [&stream] { return stream.close(); };
    co_await timeout(self.options_.close_timeout, send_the_rest);
  } catch (const Cancelled&) {
    throw;
  } catch (...) {
    self.report(peer, std::current_exception());
  }
}

void ServerCore::report(const net::Address& peer, std::exception_ptr error) noexcept {
  std::string where;
  try {
    where = "server " + address_.to_string() + ": connection from " + peer.to_string();
  } catch (...) {  // no memory: without a place then
  }
  Reactor::current().report(where, std::move(error));
}

}  // namespace detail

Server start_server(StreamHandler handler, const net::Address& address, ServerOptions options) {
  Ref<detail::ServerCore> core(new detail::ServerCore(std::move(handler), address, options));
  core->start();
  return Server(std::move(core));
}

Server start_server(StreamHandler handler, std::uint16_t port, ServerOptions options) {
  return start_server(std::move(handler), net::Address::loopback(port), options);
}

}  // namespace simul
