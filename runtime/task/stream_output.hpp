// What was written to a stream and has not been sent yet, and who sends it.
//
//     write() --> [ piece | piece | piece ] --flush()--> socket
//                                              ^ at the end of the turn, by a drain, and
//                                                whenever the socket takes something again
//
// `write` only puts its bytes into the queue and sees to it that the queue is flushed in the next
// turn. So all that one step of a task writes leaves in one system call, and nobody need drain for
// it to leave at all. While the socket takes nothing, the queue waits for it by itself, as a small
// routine of its own; a drain only waits for the queue to be short.
//
// The invariant: bytes leave in the order in which they were written, and unless there was an error
// some routine is on its way to flush the queue whenever it is not empty.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/base/intrusive_list.hpp"
#include "runtime/net/address.hpp"
#include "runtime/reactor/current_wait.hpp"
#include "runtime/reactor/descriptor.hpp"
#include "runtime/reactor/reactor.hpp"
#include "runtime/reactor/sleep.hpp"
#include "runtime/task/stream_input.hpp"

namespace simul::detail {

/// Thread: the reactor's.
class StreamOutput final : public Routine {
 public:
  /// None of these is copied. `input` is told if the connection breaks.
  StreamOutput(Descriptor& socket, const net::Address& peer, StreamInput& input)
      : Routine(Reactor::current(), Kind::callback), socket_(socket), peer_(peer), input_(input) {}

  /// Queues bytes; the second form takes the string as it is. Throws std::logic_error after
  /// `finish`. After an error it forgets them: the error is told to those who drain.
  void write(std::string_view bytes);
  void write(std::string&& bytes);

  /// Nothing more will be written. `shut_down`: and the peer is told so when all has been sent.
  void finish(bool shut_down);

  /// Sends what the socket takes now.
  void flush() noexcept;

  /// How many bytes are queued.
  std::size_t queued() const noexcept { return queued_; }

  /// Nothing more can be sent, because of this errno; what is queued is forgotten.
  void fail(int error) noexcept;
  int error() const noexcept { return error_; }

  /// Has so much been sent without a wait that the others should have a turn?
  bool should_yield() const noexcept { return unbroken_ >= kUnbroken; }
  void has_waited() noexcept { unbroken_ = 0; }

  /// "write 127.0.0.1:80"
  std::string what() const { return "write " + peer_.to_string(); }

  /// A wait until the queue is no longer than `until`; it is woken then, or by an error.
  struct Place : ListNode<Place> {
    Place(Waiter& its_waiter, std::size_t its_until) noexcept
        : waiter(its_waiter), until(its_until) {}
    Waiter& waiter;
    std::size_t until;
  };
  void join(Place& place) noexcept { places_.push_back(place); }

  /// For the loop.
  void step() override;
  std::string describe() const override { return what(); }

 private:
  static constexpr std::size_t kUnbroken = 1024 * 1024;

  bool accepts() const {
    if (finished_) throw_finished();
    return error_ == 0;
  }
  [[noreturn]] void throw_finished() const;
  void flush_soon();
  bool send_some() noexcept;
  void sent(std::size_t bytes) noexcept;
  bool waits_for_socket() noexcept { return wait_.get<Readiness>() != nullptr; }
  void tell() noexcept {
    if (!places_.empty()) tell_waiting();
  }
  void tell_waiting() noexcept;

  Descriptor& socket_;
  const net::Address& peer_;
  StreamInput& input_;
  std::vector<std::string> pieces_;
  std::size_t first_ = 0;  // of `pieces_`: those before it have been sent
  std::size_t start_ = 0;  // in that piece
  std::size_t queued_ = 0;
  std::size_t unbroken_ = 0;
  int error_ = 0;
  bool finished_ = false;
  bool shut_down_due_ = false;
  List<Place, Place> places_;
  CurrentWait<Yield, Readiness> wait_;
};

}  // namespace simul::detail
