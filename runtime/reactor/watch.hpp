// A watch: one descriptor as the poller knows it, with everybody who waits for it.
//
// The reactor keeps its watches in a table that only grows, and what the kernel sends back with an
// event is an index into it and a generation. When a descriptor is closed and its number is used
// again, an event that was meant for the old one carries an old generation and finds nobody.
//
// Two kinds of watch:
//   owned      made by a Descriptor at its first wait and kept until it closes; registered once,
//              and where the poller can report edges never mentioned to the kernel again;
//   borrowed   for a descriptor that somebody else owns and may close without telling us (standard
//              input, a library's socket): registered for as long as someone waits and no longer.
//
// The invariant: a level-triggered watch is of interest to the poller only in directions in which
// somebody waits, or in which nothing has been reported since somebody last did. An edge that was
// reported while nobody waited is kept for the next who does.
#pragma once

#include <cerrno>
#include <cstdint>
#include <deque>
#include <unordered_map>
#include <vector>

#include "runtime/base/intrusive_list.hpp"
#include "runtime/reactor/poller.hpp"
#include "runtime/reactor/waiter.hpp"

namespace simul {

class Watch;
class WatchTable;

/// May somebody outside this reactor make the descriptor ready? If not (both ends of a socket pair
/// are here), a wait for it does not keep virtual time from moving on nor hide a deadlock.
enum class Peer : std::uint8_t { outside, here };

/// One waiter's place at one direction of one watch; a member of the wait object. Destroying it
/// leaves the place.
class WatchLink : public ListNode<> {
 public:
  explicit WatchLink(Waiter& waiter) noexcept : waiter_(&waiter) {}
  ~WatchLink() { leave(); }

  /// Queues up at `watch` for one direction (read or write).
  void join(Watch& watch, Interest direction);

  /// Leaves; does nothing if it is nowhere. Also called when the wait ends for another reason.
  void leave() noexcept;

  /// 0, or why the wait ended without readiness: ECANCELED when the descriptor was closed.
  int error() const noexcept { return error_; }

  /// Did this link end the wait?
  bool fired() const noexcept { return fired_; }

 private:
  friend class Watch;
  friend class WatchTable;

  Waiter* waiter_;
  Watch* watch_ = nullptr;
  int error_ = 0;
  Interest direction_ = Interest::none;
  bool fired_ = false;
};

/// See above. Thread: its reactor's.
class Watch {
 public:
  int fd() const noexcept { return fd_; }

  /// Regular files and directories: no poller watches them, a call on them never waits for long.
  bool always_ready() const noexcept { return always_ready_; }

  /// The peer has shut down, or the connection is gone. A short read does not mean "drained" any
  /// more: the end of the stream may have been reported together with the last bytes, and an
  /// edge-triggered poller does not repeat itself.
  bool hung_up() const noexcept { return hung_up_; }

  /// Which descriptor of this place it is: the place is used again when the watch is closed.
  std::uint32_t generation() const noexcept { return generation_; }

  WatchTable& table() const noexcept { return *table_; }

  /// Has a wait for `direction` an answer without waiting? True for an edge that nobody waited for
  /// (which is used up by asking), and after a hang-up if the kernel says so: a FIFO that hung up
  /// may have got a new writer, and a half-closed connection may still be written to its limit.
  bool take_answer(Interest direction) noexcept {
    if (always_ready_) return true;
    const bool missed = (missed_ & direction) != Interest::none;
    missed_ = without(missed_, direction);
    return missed || (hung_up_ && kernel_says_ready(direction));
  }

 private:
  friend class WatchTable;
  friend class WatchLink;

  List<WatchLink>& links(Interest direction) noexcept {
    return direction == Interest::read ? readers_ : writers_;
  }
  Interest wanted() noexcept {
    return (readers_.empty() ? Interest::none : Interest::read) |
           (writers_.empty() ? Interest::none : Interest::write);
  }
  void wake(Interest direction, int error) noexcept;
  bool kernel_says_ready(Interest direction) const noexcept;
  void let_go() noexcept;

  WatchTable* table_ = nullptr;
  Watch** owner_ = nullptr;  // the owner's pointer to this watch
  List<WatchLink> readers_;
  List<WatchLink> writers_;
  std::uint32_t index_ = 0;
  std::uint32_t generation_ = 0;
  int fd_ = -1;
  Interest armed_ = Interest::none;   // what the poller reports; level-triggered watches only
  Interest missed_ = Interest::none;  // reported while nobody waited; edge-triggered watches only
  Trigger trigger_ = Trigger::edge;
  Peer peer_ = Peer::outside;
  bool borrowed_ = false;
  bool always_ready_ = false;
  bool hung_up_ = false;
};

/// The watches of one reactor.
class WatchTable {
 public:
  explicit WatchTable(Poller& poller) noexcept : poller_(poller) { always_.always_ready_ = true; }
  ~WatchTable() { let_go(); }

  /// Registers a descriptor that the caller owns; `close` it before the descriptor is closed.
  /// `first` is what the first wait will be for. Throws std::system_error.
  Watch& open(int fd, Trigger trigger, Peer peer, Interest first);

  /// Tells where the owner keeps its pointer to `watch`: it becomes null if this table goes first.
  void set_owner(Watch& watch, Watch** owner) noexcept { watch.owner_ = owner; }

  /// Leaves everybody alone: nobody is woken, and links and owners forget their watch. At the end,
  /// and in a forked child, whose copy of this table is nobody's.
  void let_go() noexcept;

  /// The watch for a descriptor that someone else owns. `first` as above; join it at once, for it
  /// ends with its last link. For files that no poller watches: one that is always ready.
  Watch& borrow(int fd, Interest first);

  /// Forgets the watch. Whoever waits is woken with `error`.
  void close(Watch& watch, int error = ECANCELED) noexcept;

  /// The borrowed descriptor `fd` is about to be closed by its owner: the same.
  void forget(int fd, int error = ECANCELED) noexcept;

  /// Wakes everybody for whom `event` is meant.
  void dispatch(const PollEvent& event) noexcept;

  /// How many descriptors the poller watches for us.
  std::size_t size() const noexcept { return registered_; }

  /// How many links wait for somebody outside.
  std::size_t outside() const noexcept { return outside_; }

 private:
  friend class WatchLink;

  Watch& allocate(int fd, Trigger trigger, Peer peer);
  void release(Watch& watch) noexcept;
  void want(Watch& watch, Interest direction);
  void left(Watch& watch) noexcept;
  static std::uint64_t token_of(const Watch& watch) noexcept {
    return std::uint64_t{watch.generation_} << 32 | watch.index_;
  }

  Poller& poller_;
  std::deque<Watch> watches_;  // a deque: a watch never moves
  Watch always_;               // stands for every borrowed file that is always ready
  std::vector<std::uint32_t> free_;
  std::unordered_map<int, Watch*> borrowed_;
  std::size_t registered_ = 0;
  std::size_t outside_ = 0;
};

}  // namespace simul
