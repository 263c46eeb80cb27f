#include "runtime/task/stream_output.hpp"

#include <sys/socket.h>
#include <sys/uio.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <span>
#include <stdexcept>
#include <system_error>
#include <utility>

#include "runtime/base/error.hpp"
#include "runtime/net/socket.hpp"

namespace simul::detail {

namespace {

constexpr std::size_t kPiecesAtOnce = 64;

// A piece that is shorter takes in what is written next: a million writes of a byte each are not a
// million pieces.
constexpr std::size_t kShortPiece = 4096;

// So much memory is kept for the next write, once all has been sent.
constexpr std::size_t kKept = 512;

}  // namespace

// --- The queue -----------------------------------------------------------------------------------

void StreamOutput::throw_finished() const {
  throw std::logic_error(what() + ": the end has been written already");
}

void StreamOutput::write(std::string_view bytes) {
  if (!accepts() || bytes.empty()) return;
  if (first_ < pieces_.size() && pieces_.back().size() < kShortPiece) {
    pieces_.back().append(bytes);
  } else {
    pieces_.emplace_back(bytes);
  }
  queued_ += bytes.size();
  flush_soon();
}

void StreamOutput::write(std::string&& bytes) {
  if (bytes.size() < kShortPiece) return write(std::string_view(bytes));
  if (!accepts()) return;
  const std::size_t count = bytes.size();
  pieces_.push_back(std::move(bytes));
  queued_ += count;
  flush_soon();
}

void StreamOutput::flush_soon() {
  if (waiting_on() == nullptr) wait_.set([] { return Yield(); }).suspend(*this);
}

void StreamOutput::finish(bool shut_down) {
  finished_ = true;
  if (!shut_down || shut_down_due_) return;
  shut_down_due_ = true;
  flush();
}

void StreamOutput::fail(int error) noexcept {
  if (error_ != 0) return;
  error_ = error;
  pieces_.clear();
  first_ = start_ = queued_ = 0;
  wait_.reset();
  tell();
}

// --- Sending -------------------------------------------------------------------------------------

void StreamOutput::step() {
  unbroken_ = 0;
  wait_.reset();
  flush();
}

void StreamOutput::flush() noexcept {
  if (error_ != 0 || waits_for_socket()) return;
  wait_.reset();  // the flush that was due is this one
  try {
    while (queued_ > 0 && error_ == 0) {
      if (send_some()) continue;
      Readiness& writable = wait_.set([this] { return socket_.writable(); });
      if (!writable.await_ready()) {
        writable.suspend(*this);
        break;
      }
      wait_.reset();
    }
  } catch (const std::system_error& error) {  // no room in the poller
    fail(error.code().value());
  } catch (...) {
    fail(ENOMEM);
  }
  if (queued_ == 0 && error_ == 0 && shut_down_due_) ::shutdown(socket_.fd(), SHUT_WR);
  tell();
}

// False if the socket takes nothing.
bool StreamOutput::send_some() noexcept {
  net::Transfer result;
  if (pieces_.size() - first_ == 1) {
    result = net::try_send(socket_.fd(), std::string_view(pieces_[first_]).substr(start_));
  } else {
    std::array<iovec, kPiecesAtOnce> list;
    const std::size_t count = std::min(pieces_.size() - first_, list.size());
    for (std::size_t i = 0; i < count; ++i) {
      std::string& piece = pieces_[first_ + i];
      const std::size_t skip = i == 0 ? start_ : 0;
      list[i] = {piece.data() + skip, piece.size() - skip};
    }
    result = net::try_send(socket_.fd(), std::span<const iovec>(list.data(), count));
  }
  if (result.outcome == net::Outcome::would_block) return false;
  if (result.outcome == net::Outcome::failed) {
    if (result.error == ECONNRESET) input_.broken(result.error);
    fail(result.error);
  } else {
    sent(result.bytes);
  }
  return true;
}

void StreamOutput::sent(std::size_t bytes) noexcept {
  queued_ -= bytes;
  unbroken_ += bytes;
  if (queued_ == 0) {
    if (pieces_.size() == 1 && pieces_[0].capacity() <= kKept)
      pieces_[0].clear();
    else
      pieces_.clear();
    first_ = start_ = 0;
    return;
  }
  for (start_ += bytes; start_ >= pieces_[first_].size(); ++first_) {
    start_ -= pieces_[first_].size();
    std::string().swap(pieces_[first_]);  // its memory goes now, not with the last one's
  }
  // So that a queue that is never quite empty does not grow at its end for ever.
  if (first_ >= kPiecesAtOnce && first_ >= pieces_.size() - first_) {
    pieces_.erase(pieces_.begin(), pieces_.begin() + static_cast<std::ptrdiff_t>(first_));
    first_ = 0;
  }
}

void StreamOutput::tell_waiting() noexcept {
  for (Place* place = places_.front(); place != nullptr;) {
    Place* const next = places_.next(*place);
    if (error_ != 0 || queued_ <= place->until) place->waiter.wake();  // which takes it off
    place = next;
  }
}

}  // namespace simul::detail
