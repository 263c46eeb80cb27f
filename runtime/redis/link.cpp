#include "runtime/redis/link.hpp"

#include <sys/uio.h>

#include <array>
#include <memory>
#include <span>
#include <string_view>
#include <system_error>
#include <utility>

#include "runtime/base/error.hpp"
#include "runtime/net/socket.hpp"
#include "runtime/redis/error.hpp"

namespace simul::redis::detail {

namespace {

constexpr std::size_t kPiecesAtOnce = 256;
constexpr std::size_t kRoom = 64 * 1024;

// So much is received without giving the others a turn.
constexpr std::size_t kUnbroken = 1024 * 1024;

// One for each thread: nothing stays in it from one call to the next.
std::span<char> receive_room() {
  thread_local const auto room = std::make_unique<char[]>(kRoom);
  return {room.get(), kRoom};
}

}  // namespace

void LinkOwner::pushed(Reply reply) {
  throw ProtocolError("RESP: a reply that nobody asked for: " + reply.describe());
}

Link::Link(Descriptor socket, std::string peer, const Options& options)
    : socket_(std::move(socket)),
      peer_(std::move(peer)),
      options_(options),
      reader_(options.replies) {}

Link::~Link() {
  owner_ = nullptr;
  end("the connection was closed");
}

bool Link::usable() noexcept {
  if (!socket_) return false;
  if (!idle()) return true;
  if (!socket_.hung_up() && net::is_quiet(socket_.fd())) return true;
  broken(nullptr, "the server had closed the connection");
  return false;
}

void Link::listen(bool on) {
  listening_ = on;
  if (on && socket_) {
    drained_ = false;  // what came while nobody waited for it was announced to nobody
    receive_soon();
  }
  if (!wants_input()) input_.wait_.reset();
}

// --- Sending -------------------------------------------------------------------------------------

// In the next turn, so that all that is queued in this one leaves together.
void Link::queue(Exchange& exchange) {
  if (idle()) last_heard_ = Clock::now();  // its silence is counted from here
  exchange.enlist(unsent_);
  flush_soon();
}

void Link::flush_soon() {
  if (output_.waiting_on() == nullptr) output_.wait_.set([] { return Yield(); }).suspend(output_);
}

void Link::Output::step() {
  wait_.reset();
  link_.flush();
}

bool Link::may_send_more() noexcept {
  return begun_ > 0 || (!unsent_.empty() && (in_flight_ < options_.in_flight || sent_.empty()));
}

void Link::flush() {
  if (!socket_ || output_.waiting_on() != nullptr) return;
  try {
    while (may_send_more()) {
      if (send_some()) continue;
      Readiness& writable = output_.wait_.set([this] { return socket_.writable(); });
      if (!writable.await_ready()) {
        writable.suspend(output_);
        break;
      }
      output_.wait_.reset();
    }
    if (wants_input()) receive_soon();
  } catch (const std::exception& error) {
    broken(std::current_exception(), error.what());
  }
}

// False if the socket takes nothing now.
bool Link::send_some() {
  std::array<iovec, kPiecesAtOnce> pieces;
  std::size_t count = 0;
  std::size_t bytes = in_flight_;
  const auto add = [&](std::string& piece, std::size_t from) {
    pieces[count++] = {piece.data() + from, piece.size() - from};
  };
  if (begun_ > 0) add(sent_.back()->bytes, begun_);
  for (Exchange* next = unsent_.front(); next != nullptr && count < pieces.size();
       next = unsent_.next(*next)) {
    if (bytes >= options_.in_flight && bytes > 0) break;
    add(next->bytes, 0);
    bytes += next->size;
  }
  const net::Transfer sent = net::try_send(socket_.fd(), std::span(pieces.data(), count));
  if (sent.outcome == net::Outcome::would_block) return false;
  if (sent.outcome == net::Outcome::failed) throw_errno("write to " + peer_, sent.error);
  note_sent(sent.bytes);
  return true;
}

void Link::note_sent(std::size_t bytes) {
  while (bytes > 0) {
    if (begun_ == 0) {
      Exchange* const next = unsent_.pop_front();
      next->state = Exchange::State::sent;
      sent_.push_back(*next);
      in_flight_ += next->size;
    }
    Exchange& last = *sent_.back();
    const std::size_t left = last.size - begun_;
    if (bytes < left) {
      begun_ += bytes;
      return;
    }
    bytes -= left;
    begun_ = 0;
    std::string().swap(last.bytes);
    if (last.missing > 0) continue;
    in_flight_ -= last.size;
    last.done();
  }
}

// --- Receiving -----------------------------------------------------------------------------------

void Link::receive_soon() {
  if (input_.waiting_on() == nullptr) receive();
}

void Link::Input::step() {
  wait_.reset();
  link_.drained_ = false;
  link_.receive();
}

void Link::receive() {
  try {
    // The call that would only say "nothing there" is saved. (Not after a hang-up.)
    bool try_first = !drained_ || socket_.hung_up();
    std::size_t unbroken = 0;
    while (socket_ && wants_input()) {
      if (std::exchange(try_first, true) && receive_some() && !drained_) {
        if ((unbroken += kRoom) < kUnbroken) continue;
        return input_.wait_.set([] { return Yield(); }).suspend(input_);
      }
      if (!socket_ || !wants_input()) return;
      Readiness& readable = input_.wait_.set([this] { return socket_.readable(); });
      if (!readable.await_ready()) return readable.suspend(input_);
      input_.wait_.reset();
    }
  } catch (const std::exception& error) {
    broken(std::current_exception(), error.what());
  }
}

// False if nothing is there.
bool Link::receive_some() {
  const std::span<char> room = receive_room();
  const net::Transfer got = net::try_receive(socket_.fd(), room);
  switch (got.outcome) {
    case net::Outcome::would_block:
      drained_ = true;
      return false;
    case net::Outcome::end:
      broken(nullptr, reader_.idle() ? "the server closed the connection"
                                     : "the server closed the connection in the middle of a reply");
      return true;
    case net::Outcome::failed:
      throw_errno("read from " + peer_, got.error);
    case net::Outcome::done:
      break;
  }
  // Less than there was room for: the next call would only say so. (Not after a hang-up.)
  drained_ = got.bytes < room.size() && !socket_.hung_up();
  last_heard_ = Clock::now();
  std::string_view bytes(room.data(), got.bytes);
  while (!bytes.empty()) {
    bytes.remove_prefix(reader_.feed(bytes));
    if (reader_.ready()) accept(reader_.take());
  }
  return true;
}

void Link::accept(Reply reply) {
  Exchange* const first = sent_.front();
  if (first == nullptr || (begun_ > 0 && first == sent_.back() && first->missing == 1)) {
    // Not even one that was asked for in advance: the question has not left yet.
    if (first == nullptr && owner_ != nullptr) return owner_->pushed(std::move(reply));
    throw ProtocolError("RESP: a reply that nobody asked for: " + reply.describe());
  }
  const std::size_t size = first->size;
  const bool last = first->missing == 1;
  first->accept(std::move(reply));
  if (!last) return;
  in_flight_ -= size;
  if (!unsent_.empty()) flush_soon();  // there is room for more
}

// --- The end -------------------------------------------------------------------------------------

void Link::end(const std::string& why) noexcept {
  if (socket_) broken(nullptr, why);
}

void Link::broken(std::exception_ptr why, const std::string& said) noexcept {
  input_.wait_.reset();
  output_.wait_.reset();
  socket_.close();
  while (Exchange* first = sent_.front()) {
    first->fail(std::make_exception_ptr(FateUnknown(first->name + " at " + peer_ +
                                                    ": it was sent, and before its reply " + said +
                                                    ": it may have been done or not")));
  }
  begun_ = in_flight_ = 0;
  if (why == nullptr) why = std::make_exception_ptr(ConnectionLost(peer_ + ": " + said));
  if (owner_ != nullptr) owner_->link_broken(why, unsent_);
  while (Exchange* first = unsent_.front()) first->fail(why);
}

}  // namespace simul::redis::detail
