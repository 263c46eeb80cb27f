// What has arrived on a stream and has not been read yet.
//
//     socket --receive()--> [ already read | unread ] --take(n)--> the reader
//                                           ^ bytes()
//
// Bytes are received only while somebody reads, so a peer that sends without being read fills the
// kernel's buffer, not ours. What was received beyond what the reader wanted stays here for the
// next one: a read that is cancelled has lost nothing, for it takes its bytes in one piece at its
// end.
//
// The invariant: the unread bytes are those that `receive` got, less those that `take` gave, in
// order. The end of the stream and an error come after all bytes that came before them, and stay.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "runtime/net/address.hpp"
#include "runtime/reactor/descriptor.hpp"

namespace simul::detail {

/// Thread: the reactor's.
class StreamInput {
 public:
  /// Neither is copied.
  StreamInput(Descriptor& socket, const net::Address& peer) noexcept
      : socket_(socket), peer_(peer) {}

  /// What is unread. Good until the next call of another function.
  std::string_view bytes() const noexcept { return std::string_view(buffer_).substr(start_); }

  /// Has the peer sent everything? Then nothing will come after `bytes()`.
  bool ended() const noexcept { return ended_; }

  /// Gets what has come. False if that is nothing: wait until the socket is readable. Throws
  /// std::system_error, "read 127.0.0.1:80: Connection reset by peer", then and ever after.
  bool receive();

  /// The first `count` of the unread bytes, which then count as read.
  std::string take(std::size_t count);

  /// Nothing more can come, because of this errno. The first one counts.
  void fail(int error) noexcept;

  /// The connection broke by this errno, and the other direction has been told so; the kernel says
  /// it only once. What has come before can still be received, but then comes an error and no end.
  void broken(int error) noexcept { broken_ = error; }

  /// Has so much come without a wait that the others should have a turn?
  bool should_yield() const noexcept { return unbroken_ >= kUnbroken; }

  /// There was a wait.
  void has_waited() noexcept { unbroken_ = 0; }

  /// "read 127.0.0.1:80"
  std::string what() const { return "read " + peer_.to_string(); }

 private:
  static constexpr std::size_t kUnbroken = 1024 * 1024;

  template <std::size_t kRoom>
  bool receive_piece();

  Descriptor& socket_;
  const net::Address& peer_;
  std::string buffer_;
  std::size_t start_ = 0;  // what stands before it has been read
  std::size_t unbroken_ = 0;
  int error_ = 0;
  int broken_ = 0;
  bool ended_ = false;
  bool much_ = false;     // the last call got as much as it had room for
  bool drained_ = false;  // it got less: the next one may wait first
};

}  // namespace simul::detail
