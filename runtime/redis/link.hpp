// One connection to a server: exchanges go out in order, and replies are matched to them in order.
//
//     queue() --> [ unsent ] --flush()--> socket
//                                |
//                            [ sent ] <--receive()-- socket        the first of `sent` gets the
//                                                                  next reply
//
// RESP has no numbers on its replies: the n-th reply belongs to the n-th command, and that is all.
// So any number of callers may share a connection, and what they queue in one turn of the loop
// leaves in one write. While nothing is owed to anybody the link does not wait for its socket: an
// idle client hides no deadlock and stops no virtual clock.
//
// The invariants: an exchange is in `unsent` while not a byte of it has left, and in `sent` until
// its last reply has come; and once the link is broken both are empty. What breaks it (the server
// hangs up, an error, a reply that nobody asked for, a limit) fails those in `sent` with
// FateUnknown; those in `unsent` are for the owner to send elsewhere.
//
// It knows nothing of names, passwords or connecting again: see connect.hpp and client_core.hpp.
#pragma once

#include <cstddef>
#include <exception>
#include <string>

#include "runtime/base/clock.hpp"
#include "runtime/base/intrusive_list.hpp"
#include "runtime/reactor/current_wait.hpp"
#include "runtime/reactor/descriptor.hpp"
#include "runtime/reactor/reactor.hpp"
#include "runtime/reactor/sleep.hpp"
#include "runtime/redis/exchange.hpp"
#include "runtime/redis/resp.hpp"

namespace simul::redis::detail {

/// Whoever a link belongs to. It must not destroy the link in these calls.
class LinkOwner {
 public:
  /// The link is broken; `unsent` may be taken, the others have been told. What is left in it
  /// afterwards fails with `why`.
  virtual void link_broken(const std::exception_ptr& why, List<Exchange>& unsent) noexcept = 0;

  /// A reply that belongs to no exchange: a published message. Throws if there can be none.
  virtual void pushed(Reply reply);

 protected:
  ~LinkOwner() = default;
};

/// Thread: that of the reactor that was current when it was made, which must outlive it.
class Link {
 public:
  struct Options {
    ReplyLimits replies;
    std::size_t in_flight = 1 << 20;  ///< write no more while the server owes answers to so much
  };

  /// `peer` is for messages: "redis://127.0.0.1:6379/0".
  Link(Descriptor socket, std::string peer, const Options& options);
  ~Link();
  Link(const Link&) = delete;
  Link& operator=(const Link&) = delete;

  /// Who is told of the end, and of what is published; null: nobody.
  void set_owner(LinkOwner* owner) noexcept { owner_ = owner; }

  /// Sends it as soon as possible, in order. The link must be usable.
  void queue(Exchange& exchange);

  /// Can something be sent? An idle link first looks whether the server has hung up meanwhile, and
  /// is broken if so.
  bool usable() noexcept;

  /// Has it not been found broken yet?
  bool open() const noexcept { return static_cast<bool>(socket_); }

  /// Is nothing sent or to be sent?
  bool idle() noexcept { return unsent_.empty() && sent_.empty(); }

  /// From now on, and until it is called with false, receives also while nothing is owed.
  void listen(bool on);

  /// When the server last said something, or the first was queued that it has not answered. So a
  /// call that has had no answer in all its time has outlasted this by as much.
  TimePoint last_heard() const noexcept { return last_heard_; }

  /// Closes the socket. `why` is what those who wait are told: "the client was closed".
  void end(const std::string& why) noexcept;

  const std::string& peer() const noexcept { return peer_; }

 private:
  // The two directions, each a small routine that waits for the socket.
  class Input final : public Routine {
   public:
    explicit Input(Link& link) : Routine(Reactor::current(), Kind::callback), link_(link) {}
    void step() override;
    std::string describe() const override { return "replies of " + link_.peer_; }
    Link& link_;
    CurrentWait<Readiness, Yield> wait_;
  };
  class Output final : public Routine {
   public:
    explicit Output(Link& link) : Routine(Reactor::current(), Kind::callback), link_(link) {}
    void step() override;
    std::string describe() const override { return "commands for " + link_.peer_; }
    Link& link_;
    CurrentWait<Readiness, Yield> wait_;
  };

  bool wants_input() noexcept { return listening_ || !sent_.empty(); }
  void receive_soon();
  void receive();
  bool receive_some();
  void accept(Reply reply);
  void flush_soon();
  void flush();
  bool send_some();
  void note_sent(std::size_t bytes);
  bool may_send_more() noexcept;
  void broken(std::exception_ptr why, const std::string& said) noexcept;

  Descriptor socket_;
  std::string peer_;
  Options options_;
  LinkOwner* owner_ = nullptr;
  List<Exchange> unsent_;
  List<Exchange> sent_;
  std::size_t begun_ = 0;      // bytes of the last one in `sent_` that have left; 0: all
  std::size_t in_flight_ = 0;  // bytes in `sent_`
  TimePoint last_heard_{};
  bool listening_ = false;
  bool drained_ = false;  // the last receive got less than it had room for
  ReplyReader reader_;
  Input input_{*this};
  Output output_{*this};
};

}  // namespace simul::redis::detail
