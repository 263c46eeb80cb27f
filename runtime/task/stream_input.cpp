#include "runtime/task/stream_input.hpp"

#include <utility>

#include "runtime/base/error.hpp"
#include "runtime/net/socket.hpp"

namespace simul::detail {

namespace {

// Room on the stack is not free: the compiler touches it page by page. So there is much of it only
// after a call that has filled the little.
constexpr std::size_t kLittle = 2 * 1024;
constexpr std::size_t kMuch = 64 * 1024;

// So much memory is kept for what comes next, once all has been read.
constexpr std::size_t kKept = 512;

}  // namespace

bool StreamInput::receive() {
  if (ended_) return true;
  if (error_ != 0) throw_errno(what(), error_);
  // The system call that would only say "nothing there" is saved. (Not after a hang-up: see
  // Watch::hung_up.)
  if (std::exchange(drained_, false) && !socket_.hung_up()) return false;
  return much_ ? receive_piece<kMuch>() : receive_piece<kLittle>();
}

template <std::size_t kRoom>
[[gnu::noinline]] bool StreamInput::receive_piece() {
  char piece[kRoom];
  const net::Transfer got = net::try_receive(socket_.fd(), piece);
  switch (got.outcome) {
    case net::Outcome::done:
      much_ = got.bytes == kRoom;
      drained_ = !much_;
      unbroken_ += got.bytes;
      // Moving the rest to the front costs less than what was read meanwhile.
      if (start_ >= buffer_.size() - start_) buffer_.erase(0, std::exchange(start_, 0));
      buffer_.append(piece, got.bytes);
      return true;
    case net::Outcome::would_block:
      return false;
    case net::Outcome::end:
      ended_ = broken_ == 0;
      if (ended_) return true;
      break;
    case net::Outcome::failed:
      break;
  }
  fail(got.outcome == net::Outcome::failed ? got.error : broken_);
  throw_errno(what(), error_);
}

std::string StreamInput::take(std::size_t count) {
  // All of it, and much: the memory itself is handed over. A little is copied, and ours is kept.
  if (start_ == 0 && count == buffer_.size() && count > kLittle) return std::exchange(buffer_, {});
  std::string taken(buffer_, start_, count);
  start_ += count;
  if (start_ == buffer_.size()) {
    start_ = 0;
    if (buffer_.capacity() > kKept)
      buffer_ = std::string();
    else
      buffer_.clear();
  }
  return taken;
}

void StreamInput::fail(int error) noexcept {
  if (error_ == 0 && !ended_) error_ = error;
}

}  // namespace simul::detail
