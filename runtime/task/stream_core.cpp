#include "runtime/task/stream_core.hpp"

#include <sys/socket.h>

#include <cerrno>
#include <utility>

#include "runtime/base/error.hpp"
#include "runtime/net/socket.hpp"

namespace simul {

namespace detail {

StreamCore::StreamCore(Descriptor connection, const net::Address& the_peer,
                       StreamOptions the_options)
    : peer(the_peer), options(the_options), socket(std::move(connection)) {}

void StreamCore::abort() noexcept {
  input.fail(ECANCELED);
  output.fail(ECANCELED);
  socket.close();
}

void StreamCore::close() noexcept {
  if (!socket) return;
  ::shutdown(socket.fd(), SHUT_WR);
  // A peer that sends faster than we throw away shall not keep us here.
  char unread[16 * 1024];
  for (int i = 0; i < 64; ++i) {
    if (net::try_receive(socket.fd(), unread).outcome != net::Outcome::done) break;
  }
  abort();
}

}  // namespace detail

bool Drain::short_enough() const noexcept {
  return core_->output.error() != 0 || core_->output.queued() <= high_water_;
}

bool Drain::await_ready() noexcept {
  core_->output.flush();
  return short_enough() && !core_->output.should_yield();
}

void Drain::start() noexcept {
  core_->output.has_waited();
  if (short_enough())
    wake();  // it only gives the others a turn
  else
    core_->output.join(place_);
}

void Drain::await_resume() const {
  if (const int error = core_->output.error(); error != 0) throw_errno(core_->output.what(), error);
}

}  // namespace simul
