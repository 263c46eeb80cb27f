// A stream's inside: a socket, what has arrived on it, and what is to be sent on it.
//
// A stream is one object for its user and two independent directions inside, so one task may read
// while another one writes. Whoever waits for it, a read, a drain, holds a reference to this core:
// a stream that is dropped while somebody still reads from it closes the socket at once, the
// reader gets an error, and the memory goes when the last of them has gone.
//
// The invariant: the socket is open until `close` or `abort`, and after that every read and every
// drain says so by an error.
#pragma once

#include <cstddef>
#include <cstdint>

#include "runtime/base/ref.hpp"
#include "runtime/net/address.hpp"
#include "runtime/reactor/descriptor.hpp"
#include "runtime/reactor/waiter.hpp"
#include "runtime/task/stream_input.hpp"
#include "runtime/task/stream_output.hpp"

namespace simul {

/// How a stream is to behave.
struct StreamOptions {
  std::size_t high_water = 64 * 1024;  ///< a drain waits while more bytes than this are queued ...
  std::size_t low_water = 16 * 1024;   ///< ... and goes on when there are no more than this
  Peer peer = Peer::outside;           ///< see Peer in reactor/watch.hpp
};

namespace detail {

/// Thread: the reactor's.
class StreamCore {
 public:
  StreamCore(Descriptor connection, const net::Address& the_peer, StreamOptions the_options);
  StreamCore(const StreamCore&) = delete;
  StreamCore& operator=(const StreamCore&) = delete;

  /// Closes the socket. What is queued is lost, and whoever waits gets ECANCELED.
  void abort() noexcept;

  /// Closes it after the last byte was sent: the peer is told the end first, and what has come and
  /// was not read is thrown away, for closing with unread bytes may lose what was sent last.
  void close() noexcept;

  void add_reference() noexcept { ++references_; }
  void drop_reference() noexcept {
    if (--references_ == 0) delete this;
  }

  const net::Address peer;
  const StreamOptions options;
  Descriptor socket;
  StreamInput input{socket, peer};
  StreamOutput output{socket, peer, input};
  bool being_read = false;

 private:
  ~StreamCore() = default;

  std::uint32_t references_ = 0;
};

}  // namespace detail

/// The wait of whoever writes. It first sends what the socket takes. If more than a high-water mark
/// is still queued then, it waits until no more than a low-water mark is. Throws std::system_error,
/// "write 127.0.0.1:80: Broken pipe". A drain that is cancelled leaves the queue as it is.
class [[nodiscard]] Drain final : public Wait<Drain> {
 public:
  Drain(Ref<detail::StreamCore> core, std::size_t high_water, std::size_t low_water) noexcept
      : Wait(kSort), core_(std::move(core)), place_(*this, low_water), high_water_(high_water) {}

  bool await_ready() noexcept;
  void start() noexcept;
  void await_resume() const;

 private:
  static void leave(Waiter& waiter) noexcept { static_cast<Drain&>(waiter).place_.unlink(); }
  static constexpr Sort kSort = {"drain", leave};

  bool short_enough() const noexcept;

  Ref<detail::StreamCore> core_;
  detail::StreamOutput::Place place_;
  std::size_t high_water_;
};

}  // namespace simul
