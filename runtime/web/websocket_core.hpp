// A WebSocket's inside: the socket, what waits to be sent, and the time.
//
//      receive, close --(one at a time)--> socket --> machine --> message, or what is due
//      send, offer    --whole messages---> queue ---> socket <-- a task, while the kernel is full
//
// It drives http/websocket.hpp: that one knows the rules, this one waits and moves bytes. No task
// stands behind a connection that is idle: whoever receives reads, whoever sends writes, and only
// when the kernel takes no more is there a task that sends the rest.
//
// The invariants: a message goes into the queue whole or not at all, in one step without a wait, so
// messages of several senders never mix and a sender that is cancelled leaves no half of one; the
// queue holds no more than its limit, or one message; and from the first Close on, ours or the
// peer's, a timer runs that cuts the connection if the other half does not follow.
//
// Thread: the reactor's.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>

#include "runtime/base/clock.hpp"
#include "runtime/base/ref.hpp"
#include "runtime/http/websocket.hpp"
#include "runtime/reactor/current_wait.hpp"
#include "runtime/reactor/descriptor.hpp"
#include "runtime/reactor/reactor.hpp"
#include "runtime/sync/event.hpp"
#include "runtime/sync/lock.hpp"
#include "runtime/task/task.hpp"

namespace simul::web {

using http::websocket::Message;

/// What is done with a message for a peer that does not read fast enough: the queue is full.
enum class SlowReader : std::uint8_t {
  wait,        ///< `send` waits until there is room
  drop,        ///< the message is not sent, and `send` says so
  disconnect,  ///< the connection is cut
};

struct WebSocketOptions {
  http::websocket::Limits limits;

  SlowReader slow_reader = SlowReader::wait;
  /// Bytes that may wait for the kernel to take them. A longer message is taken when none do.
  std::size_t max_queued = 1024 * 1024;

  /// After so much silence of the peer a ping is sent; zero: never.
  Duration ping_interval = std::chrono::seconds(20);
  /// And if nothing is heard for so long after it, the connection is cut.
  Duration ping_timeout = std::chrono::seconds(20);
  /// A peer that takes nothing of what waits for it for so long is cut off, whatever it says
  /// itself.
  Duration write_timeout = std::chrono::seconds(60);
  /// How long the peer may take to answer our Close, and to end the connection after it.
  Duration close_timeout = std::chrono::seconds(10);
};

/// The connection is over, or is ending, and not because the peer said goodbye: "the connection was
/// lost". For `send` and `ping` also if it did.
class WebSocketClosed : public std::runtime_error {
 public:
  WebSocketClosed(std::uint16_t code, const std::string& what)
      : std::runtime_error(what), code_(code) {}

  /// The peer's code, or the one that it was refused with (1002, 1007, 1008, 1009); 1006 if there
  /// is none.
  std::uint16_t code() const noexcept { return code_; }

 private:
  std::uint16_t code_;
};

class WebSocketCore {
 public:
  /// `closing`: an event at which to say goodbye (1001), or null. It must outlive the connection.
  WebSocketCore(http::websocket::Role role, Descriptor socket, std::string received, Event* closing,
                const WebSocketOptions& options);
  ~WebSocketCore();
  WebSocketCore(const WebSocketCore&) = delete;
  WebSocketCore& operator=(const WebSocketCore&) = delete;

  // What WebSocket offers (websocket.hpp says what it means).
  static Task<std::optional<Message>> receive(Ref<WebSocketCore> self);
  static Task<bool> send(Ref<WebSocketCore> self, std::string data, bool text);
  static Task<Duration> ping(Ref<WebSocketCore> self);
  static Task<> close(Ref<WebSocketCore> self, std::uint16_t code, std::string reason);
  bool offer(std::string_view data, bool text);

  /// Sends our Close, unless there has been one, and waits for nothing.
  void begin_close(std::uint16_t code, std::string_view reason);

  /// Nobody will use it any more: if it is open, it is cut.
  void abandon() noexcept;

  bool open() const noexcept { return !over_ && !machine_.close_sent() && send_error_ == 0; }
  std::uint16_t close_code() const noexcept;
  const std::string& close_reason() const noexcept { return machine_.close_reason(); }
  std::size_t queued() const noexcept { return out_.size() - sent_; }
  std::uint64_t dropped() const noexcept { return dropped_; }

  void add_reference() noexcept { ++references_; }
  void drop_reference() noexcept {
    if (--references_ == 0) delete this;
  }

 private:
  // Hears that the server shuts down.
  class Goodbye final : public Routine {
   public:
    explicit Goodbye(WebSocketCore& core)
        : Routine(Reactor::current(), Kind::callback), core_(core) {}
    void start(Event& closing);
    void stop() noexcept { wait_.reset(); }
    void step() override;
    std::string describe() const override { return "the goodbye of a WebSocket"; }

   private:
    WebSocketCore& core_;
    CurrentWait<Event::SetWait> wait_;
  };
  class Flushing;

  // Receiving; whoever calls these holds the reading lock.
  Task<bool> read_message(Message& message);
  bool process(std::string_view& input, Message& message);
  bool process_kept(Message& message);
  bool receive_some(Message& message);
  void on_pong();
  void on_end_of_stream(int error);
  void fail(std::uint16_t code, const std::string& why);

  // Sending.
  void check_open() const;
  bool has_room(std::size_t size) const noexcept;
  void enqueue(std::string_view data, bool text);
  void append_due();
  void flush();
  bool push();
  static Task<> flush_rest(Ref<WebSocketCore> self);
  void pulse(Event& event) noexcept;

  // Time and the end.
  void watch_silence(Duration delay);
  void on_silence();
  void start_closing_time();
  void end(bool clean, std::uint16_t code, const std::string& why, bool cut = false) noexcept;
  [[noreturn]] void throw_closed() const;

  const WebSocketOptions options_;
  const http::websocket::Role role_;
  http::websocket::Connection machine_;
  Descriptor socket_;
  std::uint32_t references_ = 0;

  std::string kept_;  // received, not looked at yet
  std::size_t kept_at_ = 0;
  bool drained_ = false;   // what had come was taken: wait before the next try
  bool draining_ = false;  // whatever comes is dropped, up to the end of the stream
  unsigned in_a_row_ = 0;  // messages and receives without a wait
  Lock reading_;

  std::string out_;
  std::size_t sent_ = 0;        // of out_
  bool flushing_ = false;       // there is a task that sends the rest
  bool end_when_sent_ = false;  // of our side of the stream
  int send_error_ = 0;
  std::uint64_t dropped_ = 0;
  Lock sending_;  // for those who wait for room
  Event moved_;   // something was sent, or nothing will be: set and cleared at once

  std::uint64_t pings_ = 0;  // how many `ping` has sent, and the number in the last pong
  std::uint64_t ponged_ = 0;
  Event pong_;  // as moved_

  Handle timer_;
  TimePoint heard_;    // when the peer was last heard
  TimePoint asked_{};  // when it was asked whether it is there; TimePoint{}: it has not been
  Goodbye goodbye_{*this};

  bool failed_ = false;  // it broke a rule, or ours
  bool over_ = false;    // the socket is closed
  bool clean_ = false;   // both have said goodbye
  std::uint16_t code_ = http::websocket::abnormal;
  std::string why_ = "the connection was lost";
};

}  // namespace simul::web
