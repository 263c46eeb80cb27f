// Stream: a connection as tasks see it, bytes in and bytes out.
//
//     Stream stream = co_await open_connection("127.0.0.1", 8888);
//     stream.write("hello\n");
//     co_await stream.drain();
//     std::string line = co_await stream.read_line();        // "hello\n"
//     co_await stream.close();
//
// Python has a pair of objects for this, reader and writer. Here it is one, for they are closed
// together; one task may read from it while another writes to it.
//
//   reading   waits until there is enough. A read that is cancelled loses nothing: what has come
//             stays for the next one. A limit on time is `timeout`'s affair (timeout.hpp).
//   writing   never waits: `write` queues, and the queue is sent as the socket takes it, in order.
//             Whoever writes much calls `drain`, which waits while the queue is long.
//   closing   `close` waits until all has been sent. `abort` does not; and a stream that is
//             dropped open is aborted.
//
// In a fiber, or in plain code: `await(stream.read_line())`. (asyncio: StreamReader, StreamWriter)
#pragma once

#include <concepts>
#include <cstddef>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>

#include "runtime/base/ref.hpp"
#include "runtime/net/address.hpp"
#include "runtime/reactor/descriptor.hpp"
#include "runtime/task/stream_core.hpp"
#include "runtime/task/task.hpp"

namespace simul {

/// The stream ended before what was to be read had come.
class IncompleteRead : public std::runtime_error {
 public:
  IncompleteRead(const std::string& message, std::string partial)
      : runtime_error(message), partial_(std::move(partial)) {}

  /// What had come. It counts as read.
  const std::string& partial() const noexcept { return partial_; }

 private:
  std::string partial_;
};

/// A connected stream socket. Move-only. Thread: that of the reactor that was current when it was
/// made. Errors are std::system_error: "read 127.0.0.1:80: Connection reset by peer".
class [[nodiscard]] Stream {
 public:
  static constexpr std::size_t kLineLimit = 64 * 1024;
  static constexpr std::size_t kTotalLimit = 64 * 1024 * 1024;

  /// Of a connected socket; `peer` is for messages. Normally somebody else makes it:
  /// `open_connection`, or a server.
  Stream(Descriptor socket, const net::Address& peer, StreamOptions options = {});

  Stream(Stream&&) noexcept = default;
  Stream& operator=(Stream other) noexcept {
    std::swap(core_, other.core_);
    return *this;
  }
  ~Stream() {
    if (core_) core_->abort();
  }

  // --- Reading: one at a time, else std::logic_error ---------------------------------------------

  /// What there is, 1 to `max` bytes; waits if there is nothing. Empty at the end of the stream.
  /// (`max` 0: empty, without waiting.)
  Task<std::string> read(std::size_t max);

  /// Exactly `count` bytes. Throws IncompleteRead.
  Task<std::string> read_exactly(std::size_t count);

  /// Everything up to and including the next `delimiter` (not empty, else std::invalid_argument).
  /// Throws IncompleteRead at the end of the stream, and LimitExceeded as soon as more than `limit`
  /// bytes, the delimiter not counted, stand before it: they are still there then, for another read
  /// to take. (asyncio: readuntil)
  Task<std::string> read_until(std::string delimiter, std::size_t limit = kLineLimit);

  /// The same for "\n", but the last line need not have one: at the end of the stream this gives
  /// what is left, and then it is empty.
  Task<std::string> read_line(std::size_t limit = kLineLimit);

  /// All the rest. Throws LimitExceeded, as above, if that is more than `limit` bytes.
  Task<std::string> read_to_end(std::size_t limit = kTotalLimit);

  /// Has the end of the stream been seen, and everything before it been read? To learn of the end,
  /// read. (asyncio: at_eof)
  bool at_end() const noexcept { return core_->input.ended() && core_->input.bytes().empty(); }

  // --- Writing -----------------------------------------------------------------------------------

  /// Queues bytes, to be sent in order. Throws std::logic_error after `write_eof` and `close`.
  /// After an error it does nothing: `drain` and `close` say why.
  void write(std::string_view bytes) { core_->output.write(bytes); }

  /// The same; the string is not copied.
  template <class S>
  requires std::same_as<S, std::string>
  void write(S&& bytes) { core_->output.write(std::move(bytes)); }

  /// Sends what the socket takes. Waits if more than StreamOptions::high_water is queued then,
  /// until no more than `low_water` is. Not more: use `close` to know that all has been sent.
  Drain drain() noexcept {
    return Drain(core_, core_->options.high_water, core_->options.low_water);
  }

  /// How many bytes are queued.
  std::size_t queued() const noexcept { return core_->output.queued(); }

  /// Nothing more will be written: the peer reads the end of the stream once it has read all that
  /// is queued. Reading goes on.
  void write_eof() { core_->output.finish(true); }

  // --- Closing -----------------------------------------------------------------------------------

  /// Waits until everything that was written has been sent, and closes the socket. Throws
  /// std::system_error if that cannot be sent; it is closed in that case, too. Cancelled meanwhile,
  /// it stays open. A further call has no effect.
  Task<> close();

  /// Closes the socket at once. What is queued is lost. Whoever waits gets an error (ECANCELED).
  void abort() noexcept { core_->abort(); }

  /// Whom it is connected to.
  const net::Address& peer() const noexcept { return core_->peer; }

  /// The socket, for options; -1 when it is closed.
  int fd() const noexcept { return core_->socket.fd(); }

 private:
  Ref<detail::StreamCore> core_;
};

}  // namespace simul
