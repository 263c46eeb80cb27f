#include "runtime/task/server_core.hpp"

#include <utility>

#include "runtime/base/error.hpp"
#include "runtime/task/server.hpp"
#include "runtime/task/timeout.hpp"

namespace simul {

namespace detail {

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
  acceptor_ = create_task(accept(Ref<ServerCore>(this)), "server " + address_.to_string());
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

Task<> ServerCore::accept(Ref<ServerCore> self) {
  co_await accept_all(self->listener_, self->address_, self->places_, self->begin_);
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
