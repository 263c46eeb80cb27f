// The routine inside a look-up: it waits for the thread, and when the answer is there it wakes
// whoever waits for the look-up, unless the deadline has done so already.
#include "runtime/net/lookup.hpp"

#include <string>
#include <utility>

#include "runtime/base/error.hpp"
#include "runtime/net/resolver.hpp"
#include "runtime/thread/thread_pool.hpp"

namespace simul::net {
namespace {

/// A copy of what is asked: the thread may outlive the wait.
struct Resolve {
  std::string host;
  std::uint16_t port;
  std::vector<Address> operator()() const { return resolve(host, port); }
};

}  // namespace

class Lookup::Question final : public Routine {
 public:
  explicit Question(Lookup& lookup)
      : Routine(lookup.who()->reactor(), Kind::callback),
        lookup_(lookup),
        answer_(ThreadPool::shared(), Resolve{lookup.host_, lookup.port_}) {
    answer_.suspend(*this);
  }

  void step() override {
    answered_ = true;
    lookup_.wake();
  }
  std::string describe() const override { return "look-up of " + lookup_.host_; }

  bool answered() const noexcept { return answered_; }
  std::vector<Address> take() { return answer_.await_resume(); }

 private:
  Lookup& lookup_;
  bool answered_ = false;
  Offload<Resolve> answer_;
};

Lookup::Lookup(std::string_view host, std::uint16_t port, TimePoint deadline)
    : Wait(kSort),
      host_(host),
      port_(port),
      deadline_(deadline),
      addresses_(resolve_at_once(host, port)) {}

Lookup::~Lookup() = default;

void Lookup::start() {
  question_ = std::make_unique<Question>(*this);
  if (deadline_ != kNever) who()->reactor().set_timer(timer_, deadline_);
}

std::vector<Address> Lookup::await_resume() {
  if (!addresses_.empty()) return std::move(addresses_);
  if (!question_->answered()) throw TimedOut("resolve " + host_ + ": no answer in time");
  return question_->take();
}

}  // namespace simul::net
