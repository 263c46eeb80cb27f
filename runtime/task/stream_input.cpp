#include "runtime/task/stream_input.hpp"

#include <utility>

#include "runtime/base/error.hpp"
#include "runtime/net/socket.hpp"

namespace simul::detail {

namespace {

constexpr std::size_t kPiece = 64 * 1024;

}  // namespace

bool StreamInput::receive() {
  if (ended_) return true;
  if (error_ != 0) throw_errno(what(), error_);
  // The system call that would only say "nothing there" is saved. (Not after a hang-up: see
  // Watch::hung_up.)
  if (std::exchange(drained_, false) && !socket_.hung_up()) return false;
  char piece[kPiece];
  const net::Transfer got = net::try_receive(socket_.fd(), piece);
  switch (got.outcome) {
    case net::Outcome::done:
      drained_ = got.bytes < kPiece;
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
  if (start_ == 0 && count == buffer_.size()) return std::exchange(buffer_, {});
  std::string taken = buffer_.substr(start_, count);
  start_ += count;
  if (start_ == buffer_.size()) {
    buffer_.clear();
    start_ = 0;
    if (buffer_.capacity() > kPiece) buffer_.shrink_to_fit();
  }
  return taken;
}

void StreamInput::fail(int error) noexcept {
  if (error_ == 0 && !ended_) error_ = error;
}

}  // namespace simul::detail
