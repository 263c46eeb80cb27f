#include "runtime/web/peer_watch.hpp"

#include <sys/socket.h>

#include <cerrno>

#include "runtime/reactor/reactor.hpp"

namespace simul::web {

PeerWatch::PeerWatch() : Routine(Reactor::current(), Kind::callback) {}

void PeerWatch::start(Descriptor& socket, TaskCore& task, Duration grace) {
  socket_ = &socket;
  task_ = &task;
  grace_ = grace;
  clear();
  wait();
}

// What has been heard already is looked at in the next turn: by then the handler has begun, and if
// it never waits it has answered, and all this was for nothing.
void PeerWatch::wait() {
  auto& ready = wait_.set([this] { return socket_->readable(); });
  if (ready.await_ready()) {
    heard_ = true;  // by asking: nobody else will be told again
    wait_.set([] { return Yield(); }).suspend(*this);
  } else {
    ready.suspend(*this);
  }
}

void PeerWatch::step() {
  if (wait_.get<Sleep>() != nullptr) return give_up();
  heard_ = true;
  char byte;
  ssize_t count;
  do count = ::recv(socket_->fd(), &byte, 1, MSG_PEEK | MSG_DONTWAIT);
  while (count < 0 && errno == EINTR);
  if (count > 0) return stop();
  if (count == 0) {
    wait_.set([this] { return sleep(grace_); }).suspend(*this);
  } else if (errno == EAGAIN || errno == EWOULDBLOCK) {
    wait();
  } else {
    give_up();
  }
}

void PeerWatch::give_up() {
  stop();
  gone_ = true;
  task_->cancel();
}

}  // namespace simul::web
