#include "runtime/task/children.hpp"

#include <memory>
#include <stdexcept>

namespace simul::detail {

Children::~Children() {
  while (Child* child = list_.front()) delete child;
}

void Children::check_open() const {
  if (shutting_down_) throw std::runtime_error("the group shuts down: it takes in nobody any more");
}

void Children::add(Spawned& core) {
  auto child = std::make_unique<Child>(*this, core);
  child->fired = [](DoneLink& link) noexcept {
    const std::unique_ptr<Child> ended(static_cast<Child*>(&link));
    ended->parent.ended(*ended);
  };
  list_.push_back(*child);
  core.notify(*child.release());
}

void Children::shut_down() {
  shutting_down_ = true;
  // Nobody ends inside `cancel`, so the list stays as it is meanwhile.
  for (Child* child = list_.front(); child != nullptr; child = list_.next(*child)) {
    child->core->cancel();
  }
}

void Children::ended(Child& child) noexcept {
  child.ListNode<Child>::unlink();
  if (child.core->failed() && !first_failed_) {
    first_failed_ = child.core;
    shut_down();
    failed_();
  }
  if (list_.empty() && waiter_ != nullptr) waiter_->wake();
}

}  // namespace simul::detail
