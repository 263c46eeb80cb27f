// A WebSocket when it receives, and how it ends.
#include "runtime/web/websocket_core.hpp"

#include <sys/socket.h>

#include <charconv>
#include <memory>
#include <span>
#include <system_error>
#include <utility>

#include "runtime/base/in_seconds.hpp"
#include "runtime/net/socket.hpp"
#include "runtime/reactor/sleep.hpp"

namespace simul::web {

using http::websocket::Role;
using Heard = http::websocket::Event;

namespace {

constexpr std::size_t kBufferSize = 64 * 1024;
// So many messages or receives without a wait, and the others have a turn.
constexpr unsigned kInARow = 64;

}  // namespace

WebSocketCore::WebSocketCore(Role role, Descriptor socket, std::string received, Event* closing,
                             const WebSocketOptions& options)
    : options_(options),
      role_(role),
      machine_(role, options.limits),
      socket_(std::move(socket)),
      kept_(std::move(received)),
      heard_(Clock::now()) {
  net::set_no_delay(socket_.fd());
  watch_silence(options_.ping_interval);
  if (closing != nullptr) goodbye_.start(*closing);
}

WebSocketCore::~WebSocketCore() {
  abandon();
}

// --- Receiving ----------------------------------------------------------------------------------

Task<std::optional<Message>> WebSocketCore::receive(Ref<WebSocketCore> self) {
  const Lock::Guard alone = co_await self->reading_.acquire();
  Message message;
  if (!co_await self->read_message(message)) co_return std::nullopt;
  co_return std::move(message);
}

// False: both have said goodbye, and the connection is over.
Task<bool> WebSocketCore::read_message(Message& message) {
  for (;;) {
    if (process_kept(message)) co_return true;
    if (over_) {
      if (!clean_) throw_closed();
      co_return false;
    }
    if (machine_.close_received() && !draining_) {
      while (flushing_) co_await moved_.wait();
      // The server ends the connection; the client waits for that, so that it is the server's port
      // that remembers it for a while (RFC 6455 section 7.1.1).
      if (role_ == Role::server)
        end(true, machine_.close_code(), {});
      else
        draining_ = true;
      continue;
    }
    if (++in_a_row_ >= kInARow) {
      in_a_row_ = 0;
      co_await Yield();
      continue;
    }
    if (drained_) {
      in_a_row_ = 0;
      try {
        co_await socket_.readable();
      } catch (const std::system_error&) {  // we have closed it meanwhile
        continue;
      }
      drained_ = false;
      continue;
    }
    if (receive_some(message)) co_return true;
  }
}

bool WebSocketCore::process_kept(Message& message) {
  if (kept_at_ == kept_.size()) return false;
  std::string_view left = std::string_view(kept_).substr(kept_at_);
  const bool found = process(left, message);
  kept_at_ = kept_.size() - left.size();
  if (kept_at_ == kept_.size()) {
    std::string().swap(kept_);  // an idle connection keeps nothing
    kept_at_ = 0;
  }
  if (found) ++in_a_row_;
  return found;
}

// True if a message has come; what lies behind it is kept.
bool WebSocketCore::receive_some(Message& message) {
  // One for all connections of a thread, and not on its stack, which may be a small one.
  thread_local const auto memory = std::make_unique_for_overwrite<char[]>(kBufferSize);
  const std::span<char> buffer(memory.get(), kBufferSize);
  const net::Transfer got = net::try_receive(socket_.fd(), buffer);
  if (got.outcome == net::Outcome::would_block) {
    drained_ = true;
    return false;
  }
  if (got.outcome != net::Outcome::done) {
    on_end_of_stream(got.error);
    return false;
  }
  heard_ = Clock::now();
  drained_ = got.bytes < kBufferSize && !socket_.hung_up();
  std::string_view input(buffer.data(), got.bytes);
  const bool found = process(input, message);
  kept_.assign(input);
  kept_at_ = 0;
  return found;
}

bool WebSocketCore::process(std::string_view& input, Message& message) {
  while (!draining_ && !over_) {
    Heard heard{};
    try {
      heard = machine_.next(input);
    } catch (const http::websocket::Error& error) {
      fail(error.code(), std::string("the peer broke the protocol: ") + error.what());
      break;
    }
    switch (heard) {
      case Heard::none:
        return false;
      case Heard::message:
        message = machine_.take_message();
        return true;
      case Heard::pong:
        on_pong();
        break;
      case Heard::ping:
        append_due();
        break;
      case Heard::close:
        append_due();
        start_closing_time();
        pulse(moved_);  // who waits for room waits in vain
        break;
    }
  }
  input = {};
  return false;
}

void WebSocketCore::on_pong() {
  const std::string_view carried = machine_.control();
  std::uint64_t number = 0;
  const auto read = std::from_chars(carried.data(), carried.data() + carried.size(), number);
  if (read.ec != std::errc() || number > pings_ || number <= ponged_) return;
  ponged_ = number;
  pulse(pong_);
}

void WebSocketCore::on_end_of_stream(int error) {
  if (failed_) return end(false, code_, why_);
  if (machine_.close_received()) return end(true, machine_.close_code(), {});
  std::string why = "the connection was lost";
  if (error != 0) why.append(": ").append(std::generic_category().message(error));
  end(false, http::websocket::abnormal, why);
}

// The peer is told, and has some time to take it in: closing at once, with bytes of its unread,
// would reset the connection, and our Close might be lost with it.
void WebSocketCore::fail(std::uint16_t code, const std::string& why) {
  failed_ = draining_ = end_when_sent_ = true;
  code_ = code;
  why_ = why;
  start_closing_time();
  append_due();
  pulse(moved_);
  pulse(pong_);
}

// --- The end ------------------------------------------------------------------------------------

Task<> WebSocketCore::close(Ref<WebSocketCore> self, std::uint16_t code, std::string reason) {
  self->begin_close(code, reason);
  const Lock::Guard alone = co_await self->reading_.acquire();
  try {
    for (Message dropped; co_await self->read_message(dropped);) continue;
  } catch (const WebSocketClosed&) {
  }
  while (self->flushing_) co_await self->moved_.wait();
}

void WebSocketCore::begin_close(std::uint16_t code, std::string_view reason) {
  if (over_ || machine_.close_sent()) return;
  machine_.begin_close(out_, code, reason);
  start_closing_time();
  pulse(moved_);
  pulse(pong_);
  flush();
}

void WebSocketCore::abandon() noexcept {
  if (!over_) end(false, http::websocket::abnormal, "the connection was given up");
}

void WebSocketCore::end(bool clean, std::uint16_t code, const std::string& why, bool cut) noexcept {
  if (over_) return;
  over_ = true;
  clean_ = clean;
  code_ = code;
  if (&why != &why_) why_ = why;
  timer_.cancel();
  goodbye_.stop();
  if (cut) {
    const ::linger now{1, 0};
    ::setsockopt(socket_.fd(), SOL_SOCKET, SO_LINGER, &now, sizeof now);
  }
  socket_.close();
  std::string().swap(out_);
  sent_ = 0;
  pulse(moved_);
  pulse(pong_);
}

void WebSocketCore::throw_closed() const {
  if (over_ && !clean_) throw WebSocketClosed(code_, why_);
  if (failed_) throw WebSocketClosed(code_, why_);
  if (machine_.close_received()) {
    throw WebSocketClosed(machine_.close_code(), "the peer has closed the connection");
  }
  if (send_error_ != 0) {
    throw WebSocketClosed(
        http::websocket::abnormal,
        "the connection was lost: " + std::generic_category().message(send_error_));
  }
  throw WebSocketClosed(http::websocket::normal, "the connection is being closed");
}

std::uint16_t WebSocketCore::close_code() const noexcept {
  return machine_.close_received() ? machine_.close_code() : code_;
}

// --- Time ---------------------------------------------------------------------------------------

void WebSocketCore::watch_silence(Duration delay) {
  if (options_.ping_interval == Duration::zero()) return;
  timer_ = Reactor::current().call_later(delay, [this] { on_silence(); });
}

void WebSocketCore::on_silence() {
  const TimePoint now = Clock::now();
  // Nobody receives at the moment: what has come and waits in the kernel counts as heard.
  if (!reading_.locked() && !net::is_quiet(socket_.fd())) heard_ = now;
  if (asked_ != TimePoint{}) {
    if (heard_ < asked_) {
      return end(false, http::websocket::abnormal,
                 "no answer to a ping within " + in_seconds(options_.ping_timeout), /*cut=*/true);
    }
    asked_ = {};
  }
  const Duration silent = now - heard_;
  if (silent < options_.ping_interval) return watch_silence(options_.ping_interval - silent);
  asked_ = now;
  machine_.ping(out_, "still there?");
  flush();
  watch_silence(options_.ping_timeout);
}

void WebSocketCore::start_closing_time() {
  timer_.cancel();
  timer_ = Reactor::current().call_later(options_.close_timeout, [this] {
    if (failed_) return end(false, code_, why_, /*cut=*/true);
    const bool clean = machine_.close_received() && machine_.close_sent() && queued() == 0;
    end(clean, close_code(), "no answer to our Close within " + in_seconds(options_.close_timeout),
        !clean);
  });
}

void WebSocketCore::Goodbye::start(Event& closing) {
  auto& wait = wait_.set([&] { return closing.wait(); });
  if (!wait.await_ready()) return wait.suspend(*this);
  stop();
  core_.begin_close(http::websocket::going_away, "the server shuts down");
}

void WebSocketCore::Goodbye::step() {
  stop();
  core_.begin_close(http::websocket::going_away, "the server shuts down");
}

}  // namespace simul::web
