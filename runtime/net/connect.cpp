#include "runtime/net/connect.hpp"

#include <algorithm>
#include <stdexcept>
#include <system_error>
#include <utility>

#include "runtime/base/error.hpp"
#include "runtime/base/in_seconds.hpp"
#include "runtime/net/socket.hpp"
#include "runtime/reactor/current_wait.hpp"

namespace simul::net {

// One address's part in the race. The latest one also sees to it that the next begins in time.
class Connect::Attempt final : public Routine {
 public:
  Attempt(Connect& race, const Address& address)
      : Routine(race.who()->reactor(), Kind::callback), race_(race), address_(address) {}

  // Throws what start_connect throws.
  void begin() {
    const TimePoint now = Clock::now();
    give_up_at_ = after(now, race_.options_.attempt);
    start_next_at_ = after(now, race_.options_.stagger);
    Connecting attempt = start_connect(address_);
    socket_ = Descriptor(std::move(attempt.socket), race_.options_.peer);
    if (attempt.connected || !wait()) connected();
  }

  void step() override {
    try {
      go_on();
    } catch (...) {
      race_.broke(std::current_exception());
    }
  }

  std::string describe() const override { return what(); }

  void close() noexcept {
    wait_.reset();
    socket_.close();
  }

  // "connect 127.0.0.1:81"
  std::string what() const { return "connect " + address_.to_string(); }

  std::exception_ptr failure;  // once it has failed

 private:
  void go_on() {
    const bool writable = wait_.get<Readiness>()->await_resume();
    const TimePoint now = Clock::now();
    try {
      if (writable) return connected();
      if (now >= give_up_at_) {
        throw TimedOut(what() + ": timed out after " + in_seconds(race_.options_.attempt));
      }
    } catch (const std::system_error&) {
      return race_.failed(*this, std::current_exception());
    } catch (const TimedOut&) {
      return race_.failed(*this, std::current_exception());
    }
    if (race_.is_latest(*this) && now >= start_next_at_) race_.start_next();
    if (socket_ && !wait()) go_on();
  }

  // False if it is writable already.
  bool wait() {
    const bool next_waits =
        race_.is_latest(*this) && race_.attempts_.size() < race_.addresses_.size();
    const TimePoint until = next_waits ? std::min(give_up_at_, start_next_at_) : give_up_at_;
    Readiness& writable = wait_.set([&] { return socket_.writable(until); });
    if (writable.await_ready()) return false;
    writable.suspend(*this);
    return true;
  }

  void connected() {
    finish_connect(socket_.fd(), address_);
    set_no_delay(socket_.fd());
    wait_.reset();
    race_.won(std::move(socket_));
  }

  Connect& race_;
  const Address& address_;
  TimePoint give_up_at_ = kNever;
  TimePoint start_next_at_ = kNever;
  Descriptor socket_;
  CurrentWait<Readiness> wait_;
};

Connect::Connect(std::vector<Address> addresses, ConnectOptions options)
    : Wait(kSort), addresses_(interleave_families(addresses)), options_(std::move(options)) {
  if (addresses_.empty()) throw std::invalid_argument("connect: no address to connect to");
}

Connect::~Connect() = default;

void Connect::start() {
  if (options_.deadline != kNever) who()->reactor().set_timer(deadline_, options_.deadline);
  start_next();
}

Descriptor Connect::await_resume() {
  if (error_) std::rethrow_exception(error_);
  if (!connection_) throw_failures();
  return std::move(connection_);
}

bool Connect::is_latest(const Attempt& attempt) const noexcept {
  return attempts_.back().get() == &attempt;
}

// Goes on to the first address with which something can be begun.
void Connect::start_next() {
  while (attempts_.size() < addresses_.size()) {
    attempts_.push_back(std::make_unique<Attempt>(*this, addresses_[attempts_.size()]));
    Attempt& next = *attempts_.back();
    try {
      next.begin();
      ++under_way_;
      return;
    } catch (const std::system_error&) {
      next.failure = std::current_exception();
      next.close();
    }
  }
  if (under_way_ == 0) finish();
}

void Connect::failed(Attempt& attempt, std::exception_ptr why) {
  attempt.failure = std::move(why);
  attempt.close();
  --under_way_;
  start_next();
}

void Connect::won(Descriptor connection) {
  connection_ = std::move(connection);
  finish();
}

void Connect::broke(std::exception_ptr error) noexcept {
  error_ = std::move(error);
  finish();
}

void Connect::finish() noexcept {
  for (const auto& attempt : attempts_) attempt->close();
  wake();
}

void Connect::throw_failures() const {
  std::string text = options_.context;
  for (std::size_t i = 0; i < addresses_.size(); ++i) {
    const std::string what = "connect " + addresses_[i].to_string();
    const bool last = i + 1 == addresses_.size();
    try {
      if (i >= attempts_.size()) throw TimedOut(what + ": not tried in time");
      if (!attempts_[i]->failure) throw TimedOut(what + ": no answer in time");
      std::rethrow_exception(attempts_[i]->failure);
    } catch (const std::system_error& error) {
      if (last) throw std::system_error(error.code(), text + what);
      text += what + ": " + error.code().message() + "; ";
    } catch (const TimedOut& error) {
      if (last) throw TimedOut(text + error.what());
      text += std::string(error.what()) + "; ";
    }
  }
  throw std::logic_error("connect: no address");  // there is at least one
}

std::vector<Address> interleave_families(const std::vector<Address>& addresses) {
  // Two queues: the first one's family, and all others. They are emptied in turn.
  std::vector<Address> first;
  std::vector<Address> others;
  for (const Address& address : addresses) {
    (address.family() == addresses.front().family() ? first : others).push_back(address);
  }
  std::vector<Address> order;
  order.reserve(addresses.size());
  for (std::size_t i = 0; order.size() < addresses.size(); ++i) {
    if (i < first.size()) order.push_back(first[i]);
    if (i < others.size()) order.push_back(others[i]);
  }
  return order;
}

}  // namespace simul::net
