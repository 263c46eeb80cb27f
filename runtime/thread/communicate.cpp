#include "runtime/thread/communicate.hpp"

#include <system_error>

#include "runtime/base/error.hpp"

namespace simul {
namespace {

bool is_broken_pipe(const std::exception_ptr& error) noexcept {
  try {
    std::rethrow_exception(error);
  } catch (const std::system_error& e) {
    return e.code() == std::errc::broken_pipe;
  } catch (...) {
    return false;
  }
}

}  // namespace

void Communicate::start() {
  Reactor& reactor = who()->reactor();
  outside_.emplace(reactor);
  if (!process_.child().ended()) process_.child().notify(link_);
  // All are there before the first one moves, for it may be over at once.
  if (process_.in()) {
    in_.emplace(reactor, process_.in(), std::string_view(input_), [this] {
      process_.in().close();
      wake_if_over();
    });
  }
  if (process_.out()) out_.emplace(reactor, process_.out(), limit_, [this] { wake_if_over(); });
  if (process_.err()) err_.emplace(reactor, process_.err(), limit_, [this] { wake_if_over(); });
  for (auto* mover : {&in_, &out_, &err_}) {
    if (*mover) (*mover)->step();
  }
  wake_if_over();
}

ProcessResult Communicate::await_resume() {
  if (const std::exception_ptr error = failure()) std::rethrow_exception(error);
  if (!process_.child().ended()) throw Cancelled{};
  return {process_.child().status(), out_ ? std::move(out_->text()) : std::string(),
          err_ ? std::move(err_->text()) : std::string()};
}

void Communicate::wake_if_over() noexcept {
  if (failure() != nullptr) return wake();
  for (const auto* mover : {&in_, &out_, &err_}) {
    if (*mover && !(*mover)->done()) return;
  }
  if (process_.child().ended()) wake();
}

// The program need not read what we write.
std::exception_ptr Communicate::failure() const noexcept {
  for (const auto* mover : {&in_, &out_, &err_}) {
    if (!*mover || (*mover)->error() == nullptr) continue;
    if (mover != &in_ || !is_broken_pipe((*mover)->error())) return (*mover)->error();
  }
  return nullptr;
}

}  // namespace simul
