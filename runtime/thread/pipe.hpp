// Pipes: bytes from one process to another, all of them, without standing still.
//
// Three things that a pipe asks for. Nobody but the two processes may hold it open, or its end is
// never seen: so both ends are close-on-exec. Our end must not block: so it is a Descriptor. And a
// reader that went away must be an error in the writer, not its death: write(2) raises SIGPIPE,
// which is held back here, for this thread and this call alone.
//
//     await(write_all(process.in(), text));
//     std::string answer = await(read_to_end(process.out()));
#pragma once

#include <sys/types.h>

#include <cstddef>
#include <exception>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "runtime/base/callback.hpp"
#include "runtime/base/unique_fd.hpp"
#include "runtime/reactor/current_wait.hpp"
#include "runtime/reactor/descriptor.hpp"
#include "runtime/reactor/sleep.hpp"
#include "runtime/reactor/waiter.hpp"

namespace simul {

struct Pipe {
  UniqueFd read;
  UniqueFd write;
};

/// A pipe that no program started from here inherits by accident; both ends block. Throws
/// std::system_error. Any thread.
Pipe open_pipe();

/// A pipe's end as something to wait for. `peer`: see Peer in reactor/watch.hpp. Throws
/// std::system_error.
Descriptor non_blocking(UniqueFd end, Peer peer = Peer::outside);

/// write(2), but a reader that went away is EPIPE and no signal. Any thread.
ssize_t write_to_pipe(int fd, const void* data, std::size_t size) noexcept;

/// The limit of what is read into memory, unless one is given: 64 MiB.
inline constexpr std::size_t kPipeLimit = std::size_t{64} << 20;

/// Moves bytes through one end of a pipe until that direction is over, as a routine of its own, so
/// that a wait can have several under way. Thread: the reactor's.
class PipeMover final : public Routine {
 public:
  /// Writes `bytes`, which must live as long as this does. `step` begins; `at_end` is called, from
  /// within it, when all is done; it must not throw, nor destroy this.
  PipeMover(Reactor& reactor, Descriptor& pipe, std::string_view bytes, Callback<void()> at_end)
      : Routine(reactor, Kind::callback),
        pipe_(pipe),
        at_end_(std::move(at_end)),
        left_(bytes),
        writing_(true) {}

  /// Reads to the end of the stream, at most `limit` bytes.
  PipeMover(Reactor& reactor, Descriptor& pipe, std::size_t limit, Callback<void()> at_end)
      : Routine(reactor, Kind::callback), pipe_(pipe), at_end_(std::move(at_end)), limit_(limit) {}

  void step() override;
  std::string describe() const override { return writing_ ? "a pipe's writer" : "a pipe's reader"; }

  bool done() const noexcept { return done_; }
  std::exception_ptr error() const noexcept { return error_; }

  /// What was read so far.
  std::string& text() noexcept { return text_; }

 private:
  enum class Progress { some, none, end };
  Progress write_some();
  Progress read_some();

  Descriptor& pipe_;
  Callback<void()> at_end_;
  std::string_view left_;
  std::string text_;
  std::size_t limit_ = 0;
  std::exception_ptr error_;
  bool writing_ = false;
  bool done_ = false;
  CurrentWait<Readiness, Yield> wait_;
};

/// The wait until all is written. The Descriptor must outlive it.
class [[nodiscard]] WriteAll final : public Wait<WriteAll> {
 public:
  WriteAll(Descriptor& pipe, std::string bytes)
      : Wait(kSort), pipe_(pipe), bytes_(std::move(bytes)) {}

  bool await_ready() const noexcept { return false; }
  void start() {
    mover_.emplace(who()->reactor(), pipe_, std::string_view(bytes_), [this] { wake(); }).step();
  }
  void await_resume() const;

 private:
  static constexpr Sort kSort = {"write to a pipe", nullptr};

  Descriptor& pipe_;
  std::string bytes_;
  std::optional<PipeMover> mover_;
};

/// The wait for everything that comes, up to the end of the stream. The Descriptor must outlive it.
class [[nodiscard]] ReadToEnd final : public Wait<ReadToEnd> {
 public:
  ReadToEnd(Descriptor& pipe, std::size_t limit) : Wait(kSort), pipe_(pipe), limit_(limit) {}

  bool await_ready() const noexcept { return false; }
  void start() {
    mover_.emplace(who()->reactor(), pipe_, limit_, [this] { wake(); }).step();
  }
  std::string await_resume();

 private:
  static constexpr Sort kSort = {"read a pipe", nullptr};

  Descriptor& pipe_;
  std::size_t limit_;
  std::optional<PipeMover> mover_;
};

/// Writes all of `bytes`. Throws std::system_error: EPIPE if nobody reads any more.
inline WriteAll write_all(Descriptor& pipe, std::string bytes) {
  return {pipe, std::move(bytes)};
}

/// Reads until the writers have closed the pipe. Throws LimitExceeded beyond `limit` bytes.
inline ReadToEnd read_to_end(Descriptor& pipe, std::size_t limit = kPipeLimit) {
  return {pipe, limit};
}

}  // namespace simul
