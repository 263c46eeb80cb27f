// A WebSocket when it sends.
#include <sys/socket.h>
#include <sys/uio.h>

#include <algorithm>
#include <system_error>
#include <utility>

#include "runtime/base/in_seconds.hpp"
#include "runtime/net/socket.hpp"
#include "runtime/task/create_task.hpp"
#include "runtime/web/websocket_core.hpp"

namespace simul::web {
namespace {

// So much memory an empty queue may keep for the next messages. A heap that has to give it back and
// fetch it again for each takes longer than to send one.
constexpr std::size_t kKept = 128 * 1024;

}  // namespace

Task<bool> WebSocketCore::send(Ref<WebSocketCore> self, std::string data, bool text) {
  WebSocketCore& core = *self;
  core.check_open();
  if (core.has_room(data.size())) {
    core.enqueue(data, text);
    co_return true;
  }
  if (core.options_.slow_reader != SlowReader::wait) {
    if (core.offer(data, text)) co_return true;
    core.check_open();
    co_return false;
  }
  const Lock::Guard turn = co_await core.sending_.acquire();
  while (core.open() && core.queued() != 0 &&
         core.queued() + data.size() > core.options_.max_queued) {
    co_await core.moved_.wait();
  }
  core.check_open();
  core.enqueue(data, text);
  co_return true;
}

bool WebSocketCore::offer(std::string_view data, bool text) {
  if (!open()) return false;
  if (has_room(data.size())) {
    enqueue(data, text);
    return true;
  }
  ++dropped_;
  if (options_.slow_reader == SlowReader::disconnect) {
    end(false, http::websocket::policy_violation,
        "the peer reads too slowly: " + std::to_string(queued()) + " bytes wait for it",
        /*cut=*/true);
  }
  return false;
}

Task<Duration> WebSocketCore::ping(Ref<WebSocketCore> self) {
  WebSocketCore& core = *self;
  core.check_open();
  const std::uint64_t number = ++core.pings_;
  const TimePoint began = Clock::now();
  core.machine_.ping(core.out_, std::to_string(number));
  core.flush();
  while (core.ponged_ < number) {
    core.check_open();
    co_await core.pong_.wait();
  }
  co_return Clock::now() - began;
}

void WebSocketCore::check_open() const {
  if (!open()) throw_closed();
}

// Nobody overtakes those who wait for room.
bool WebSocketCore::has_room(std::size_t size) const noexcept {
  if (sending_.locked()) return false;
  return queued() == 0 || (size <= options_.max_queued && queued() <= options_.max_queued - size);
}

void WebSocketCore::enqueue(std::string_view data, bool text) {
  const bool alone = queued() == 0;
  std::string_view apart = machine_.send_apart(out_, data, text);
  // With nothing in front of it, a large message goes from where it lies, and only what the kernel
  // does not take is copied. If it takes nothing, or fails, `flush` hears it once more.
  if (alone && !apart.empty()) {
    out_.reserve(out_.size() + apart.size());  // now: once half of it is out there is no way back
    const iovec pieces[] = {{out_.data(), out_.size()},
                            {const_cast<char*>(apart.data()), apart.size()}};
    const net::Transfer sent = net::try_send(socket_.fd(), pieces);
    sent_ = std::min(sent.bytes, out_.size());
    apart.remove_prefix(sent.bytes - sent_);
  }
  out_.append(apart);
  flush();
}

// A Close goes out in any case; pongs wait while the queue is full, and the newest stands for all.
void WebSocketCore::append_due() {
  if (machine_.close_received() || failed_ || queued() <= options_.max_queued) {
    machine_.append_due(out_);
  }
  flush();
}

void WebSocketCore::flush() {
  if (flushing_ || over_ || push()) return;
  flushing_ = true;
  create_task(flush_rest(Ref<WebSocketCore>(this)), "a WebSocket's sending");
}

// While it lives, there is a task that sends. However that ends, those who wait for it hear.
class WebSocketCore::Flushing {
 public:
  explicit Flushing(WebSocketCore& core) noexcept : core_(core) {}
  ~Flushing() {
    core_.flushing_ = false;
    core_.pulse(core_.moved_);
  }
  Flushing(const Flushing&) = delete;
  Flushing& operator=(const Flushing&) = delete;

 private:
  WebSocketCore& core_;
};

Task<> WebSocketCore::flush_rest(Ref<WebSocketCore> self) {
  const Flushing flushing(*self);
  try {
    while (!self->over_ && !self->push()) {
      const TimePoint deadline = after(Clock::now(), self->options_.write_timeout);
      if (!co_await self->socket_.writable(deadline)) {
        self->end(false, http::websocket::abnormal,
                  "the peer has taken nothing for " + in_seconds(self->options_.write_timeout),
                  /*cut=*/true);
      }
    }
  } catch (const std::system_error&) {  // it was closed meanwhile
  }
}

// True: all is sent, or nothing will be any more.
bool WebSocketCore::push() {
  bool moved = false;
  while (queued() > 0 && send_error_ == 0) {
    const net::Transfer sent = net::try_send(socket_.fd(), std::string_view(out_).substr(sent_));
    if (sent.outcome == net::Outcome::would_block) {
      // What was sent goes when it is half of it all: so each byte is moved at most once or twice.
      if (sent_ > out_.size() / 2) {
        out_.erase(0, sent_);
        sent_ = 0;
      }
      if (moved) pulse(moved_);
      return false;
    }
    if (sent.outcome == net::Outcome::failed) {
      // The peer's last words may still be there to be read, and a Close among them.
      send_error_ = sent.error != 0 ? sent.error : EPIPE;
      break;
    }
    moved = true;
    sent_ += sent.bytes;
    if (queued() == 0) {
      out_.clear();
      sent_ = 0;
      machine_.append_due(out_);  // a pong that had to wait
    }
  }
  out_.clear();
  sent_ = 0;
  if (out_.capacity() > kKept) std::string().swap(out_);
  if (end_when_sent_ && send_error_ == 0) ::shutdown(socket_.fd(), SHUT_WR);
  if (moved || send_error_ != 0) pulse(moved_);
  if (send_error_ != 0) pulse(pong_);
  return true;
}

void WebSocketCore::pulse(Event& event) noexcept {
  event.set();
  event.clear();
}

}  // namespace simul::web
