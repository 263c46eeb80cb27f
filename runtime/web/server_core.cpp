#include "runtime/web/server_core.hpp"

#include <utility>

#include "runtime/base/error.hpp"
#include "runtime/http/date.hpp"
#include "runtime/net/socket.hpp"
#include "runtime/task/timeout.hpp"
#include "runtime/web/connection.hpp"

namespace simul::web {
namespace {

// What is kept for the next request, and no more: one large one shall not cost memory for ever.
constexpr std::size_t kKept = 16 * 1024;

void empty(std::string& text) {
  if (text.capacity() > kKept) text = std::string();
  text.clear();
}

}  // namespace

void Workspace::clear(const ServerOptions& options) {
  response.clear();
  request.params.clear();
  empty(out);
  reading = Pace(options.body_timeout);
  writing = Pace(options.write_timeout);
  body_sent = 0;
  began = {};
  misdeed = nullptr;
  broken = refused = false;
}

// --- ServerCore ---------------------------------------------------------------------------------

ServerCore::ServerCore(Router&& the_router, ServerOptions&& the_options)
    : router(std::move(the_router)),
      options(std::move(the_options)),
      listener_(net::listen_on(options.address, options.backlog, options.share_port), options.peer,
                Trigger::level),
      address_(net::local_address(listener_.fd())),
      places_(options.max_connections) {}

ServerCore::~ServerCore() = default;

void ServerCore::start() {
  acceptor_ = create_task(accept(Ref<ServerCore>(this)), "server " + address_.to_string());
}

Task<> ServerCore::accept(Ref<ServerCore> self) {
  co_await simul::detail::accept_all(self->listener_, self->address_, self->places_, self->begin_);
}

void ServerCore::begin(net::Accepted accepted, Semaphore::Guard place) {
  if (address_.is_ip()) net::set_no_delay(accepted.socket.get());
  auto connection = std::make_unique<Connection>(Ref<ServerCore>(this), std::move(accepted.socket),
                                                 std::move(place));
  Connection& entry = *connection;
  entry.set_task(create_task(Connection::serve(std::move(connection))).core());
  statistics->accepted.fetch_add(1);
}

void ServerCore::close() noexcept {
  if (closing.is_set()) return;
  closing.set();
  acceptor_->cancel();
  listener_.close();
  for (Connection* each = served_.front(); each != nullptr; each = served_.next(*each)) {
    if (each->idle()) each->cancel();
  }
  if (open_ == 0) gone.set();
}

void ServerCore::cancel() noexcept {
  close();
  for (Connection* each = served_.front(); each != nullptr; each = served_.next(*each)) {
    each->cancel();
  }
}

void ServerCore::joined(Connection& connection) noexcept {
  served_.push_back(connection);
  ++open_;
}

void ServerCore::left(Connection& /*connection*/) noexcept {
  if (--open_ == 0 && closing.is_set()) gone.set();
}

std::size_t ServerCore::idle_connections() const noexcept {
  std::size_t idle = 0;
  auto& served = const_cast<List<Connection>&>(served_);
  for (Connection* each = served.front(); each != nullptr; each = served.next(*each)) {
    idle += each->idle();
  }
  return idle;
}

std::unique_ptr<Workspace> ServerCore::lend() {
  if (spares_.empty()) return std::make_unique<Workspace>(options);
  std::unique_ptr<Workspace> workspace = std::move(spares_.back());
  spares_.pop_back();
  return workspace;
}

void ServerCore::give_back(std::unique_ptr<Workspace> workspace) noexcept {
  if (spares_.size() >= kSpares) return;
  workspace->clear(options);
  workspace->http.reset();
  workspace->rest = std::string();
  workspace->buffer.reset();
  spares_.push_back(std::move(workspace));
}

std::string_view ServerCore::date_line() {
  const std::time_t now = std::time(nullptr);
  if (now != date_) {
    date_ = now;
    date_line_ = "Date: " + http::format_date(now) + "\r\n";
  }
  return date_line_;
}

void ServerCore::log(const AccessEntry& entry) noexcept {
  try {
    options.access_log(entry);
  } catch (...) {
    report("the access log", std::current_exception());
  }
}

void ServerCore::report(std::string_view what, std::exception_ptr error) noexcept {
  std::string where;
  try {
    where = "server " + address_.to_string() + ": " + std::string(what);
  } catch (...) {  // no memory: without a place then
  }
  Reactor::current().report(where, std::move(error));
}

// --- Server -------------------------------------------------------------------------------------

Server::Server(Router router, ServerOptions options)
    : core_(new ServerCore(std::move(router), std::move(options))) {
  core_->start();
}

Server::Server(Server&&) noexcept = default;
Server& Server::operator=(Server&& other) noexcept {
  std::swap(core_, other.core_);
  return *this;
}
Server::~Server() {
  if (core_) core_->cancel();
}

const net::Address& Server::address() const noexcept {
  return core_->address();
}

std::string Server::url(std::string_view path) const {
  return "http://" + core_->address().to_string() + std::string(path);
}

std::size_t Server::connections() const noexcept {
  return core_->connections();
}
std::size_t Server::idle_connections() const noexcept {
  return core_->idle_connections();
}
std::shared_ptr<const ServerStatistics> Server::statistics() const noexcept {
  return core_->statistics;
}

void Server::close() noexcept {
  core_->close();
}
void Server::cancel() noexcept {
  core_->cancel();
}

Task<> Server::shutdown(Duration grace) {
  const Ref<ServerCore> core = core_;
  core->close();
  auto all_done = [&core]() -> Task<> { co_await core->gone.wait(); };
  bool late = false;
  try {
    co_await timeout(grace, all_done);
  } catch (const TimedOut&) {
    late = true;
  }
  if (!late) co_return;
  core->cancel();
  co_await core->gone.wait();
}

Event::SetWait Server::wait_closed() noexcept {
  return core_->gone.wait();
}

}  // namespace simul::web
