#include "runtime/thread/pipe.hpp"

#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "runtime/base/error.hpp"

namespace simul {
namespace {

constexpr std::size_t kPiece = 64 * 1024;  // what a pipe holds on Linux
constexpr int kPiecesPerStep = 16;         // then it is the others' turn

}  // namespace

Pipe open_pipe() {
  int ends[2];
#if defined(__linux__)
  check(::pipe2(ends, O_CLOEXEC), "pipe");
#else
  check(::pipe(ends), "pipe");
  for (const int end : ends) ::fcntl(end, F_SETFD, FD_CLOEXEC);
#endif
  return {UniqueFd(ends[0]), UniqueFd(ends[1])};
}

Descriptor non_blocking(UniqueFd end, Peer peer) {
  const int flags = check(::fcntl(end.get(), F_GETFL), "fcntl");
  check(::fcntl(end.get(), F_SETFL, flags | O_NONBLOCK), "fcntl");
  return Descriptor(std::move(end), peer);
}

ssize_t write_to_pipe(int fd, const void* data, std::size_t size) noexcept {
  sigset_t sigpipe;
  sigset_t before;
  sigset_t pending;
  sigemptyset(&sigpipe);
  sigaddset(&sigpipe, SIGPIPE);
  ::pthread_sigmask(SIG_BLOCK, &sigpipe, &before);
  sigpending(&pending);
  const bool was_pending = sigismember(&pending, SIGPIPE) == 1;
  const ssize_t result = ::write(fd, data, size);
  const int error = errno;
  if (result < 0 && error == EPIPE && !was_pending) {
    // Take it away, if it has come: where it is ignored, it has not.
    sigpending(&pending);
    int taken;
    if (sigismember(&pending, SIGPIPE) == 1) sigwait(&sigpipe, &taken);
  }
  ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
  errno = error;
  return result;
}

void PipeMover::step() {
  try {
    if (auto* ready = wait_.get<Readiness>()) ready->await_resume();
    int pieces = 0;
    for (;;) {
      const Progress progress = writing_ ? write_some() : read_some();
      if (progress == Progress::end) break;
      if (progress == Progress::some) {
        if (++pieces < kPiecesPerStep) continue;
        wait_.set([] { return Yield(); }).suspend(*this);
        return;
      }
      auto& ready = wait_.set([this] { return writing_ ? pipe_.writable() : pipe_.readable(); });
      if (ready.await_ready()) continue;
      ready.suspend(*this);
      return;
    }
  } catch (...) {
    error_ = std::current_exception();
  }
  wait_.reset();
  done_ = true;
  at_end_();
}

PipeMover::Progress PipeMover::write_some() {
  if (left_.empty()) return Progress::end;
  const ssize_t written = write_to_pipe(pipe_.fd(), left_.data(), std::min(left_.size(), kPiece));
  if (written < 0 && errno == EINTR) return Progress::some;
  if (written < 0 && errno == EAGAIN) return Progress::none;
  left_.remove_prefix(static_cast<std::size_t>(check(written, "write to a pipe")));
  return Progress::some;
}

PipeMover::Progress PipeMover::read_some() {
  // Straight into the text: this may run on a fiber's stack, which is small.
  const std::size_t before = text_.size();
  text_.resize(before + kPiece);
  const ssize_t got = ::read(pipe_.fd(), text_.data() + before, kPiece);
  text_.resize(before + static_cast<std::size_t>(got > 0 ? got : 0));
  if (got < 0 && errno == EINTR) return Progress::some;
  if (got < 0 && errno == EAGAIN) return Progress::none;
  if (check(got, "read a pipe") == 0) return Progress::end;
  if (text_.size() > limit_) {
    throw LimitExceeded("read a pipe: more than the limit of " + std::to_string(limit_) +
                        " bytes came");
  }
  return Progress::some;
}

void WriteAll::await_resume() const {
  if (mover_->error()) std::rethrow_exception(mover_->error());
  if (!mover_->done()) throw Cancelled{};
}

std::string ReadToEnd::await_resume() {
  if (mover_->error()) std::rethrow_exception(mover_->error());
  if (!mover_->done()) throw Cancelled{};
  return std::move(mover_->text());
}

}  // namespace simul
