// Firing, cancelling and freeing chains: each is one loop, none recurses.
#include "runtime/deferred/chain.hpp"

#include <cstdio>

#include "runtime/base/error.hpp"
#include "runtime/deferred/deferred.hpp"
#include "runtime/reactor/reactor.hpp"

namespace simul::detail {

namespace {

/// To be told that a Deferred was cancelled is no news to whoever cancelled it; all else is.
void report(const std::source_location& where, std::exception_ptr error) noexcept {
  if (is_cancelled(error)) return;
  const std::string what = "Deferred of " + place(where) + " (without errback)";
  if (Reactor* reactor = Reactor::current_or_null())
    reactor->report(what, std::move(error));
  else
    std::fprintf(stderr, "%s failed: %s\n", what.c_str(), message_of(std::move(error)).c_str());
}

}  // namespace

std::string place(const std::source_location& where) {
  return where.file_name() + (":" + std::to_string(where.line()));
}

std::string timeout_message(const std::source_location& where, Duration limit) {
  char seconds[32];
  std::snprintf(seconds, sizeof seconds, "%g s", to_seconds(limit));
  return "the Deferred of " + place(where) + ": timed out after " + seconds;
}

Link::~Link() {
  if (next_) next_->upstream_ = nullptr;
  if (state_ == State::error) report(where_, std::move(error_));
}

void Link::bury(Link& link) noexcept {
  // What a dying link owns may be the last reference to the next one, or, in what a function
  // captured, to another chain. They queue here instead of dying inside one another.
  static constinit thread_local Link* dead = nullptr;
  static constinit thread_local bool burying = false;
  link.upstream_ = std::exchange(dead, &link);
  if (burying) return;
  burying = true;
  while (dead != nullptr) {
    Link* next = dead;
    dead = next->upstream_;
    delete next;
  }
  burying = false;
}

bool Link::may_fire() {
  if (origin_ == Origin::chain)
    throw std::logic_error("the Deferred of " + place(where_) + " is fired by its chain alone");
  if (!called()) return true;
  if (std::exchange(ignore_late_call_, false)) return false;
  throw AlreadyCalled("the Deferred of " + place(where_) + " has been fired already");
}

void Link::check_free() const {
  if (next_ || waiter != nullptr || state_ == State::taken)
    throw std::logic_error("the result of the Deferred of " + place(where_) +
                           " goes elsewhere already: add to what add_callback returned");
}

void Link::check_can_wait_for(const Link& inner) const {
  // Up from `inner` and down from here in step, until one of the two ways ends: a wait joins two
  // paths, and looking at the shorter is cheap however long the other.
  const Link* up = &inner;
  const Link* down = this;
  while (up != nullptr && down != nullptr) {
    if (up == this || down == &inner)
      throw std::logic_error("the Deferred of " + place(inner.where_) + " waits for itself");
    up = up->upstream_;
    down = down->next_.get();
  }
  inner.check_free();
}

void Link::fail(std::exception_ptr error) noexcept {
  error_ = std::move(error);
  state_ = State::error;
  settled();
}

void Link::connect(Ref<Link> next) {
  next->upstream_ = this;
  next_ = std::move(next);
  if (called()) run(Ref<Link>(this));
}

void Link::wait_for(Link& inner) noexcept {
  upstream_ = &inner;
  inner.next_ = Ref<Link>(this);
}

void Link::run(Ref<Link> link) {
  while (link->next_) {
    Ref<Link> next = std::move(link->next_);
    next->upstream_ = nullptr;
    next->feed(*link);
    if (!next->called()) return;  // it waits for an inner Deferred
    link = std::move(next);
  }
  if (link->waiter != nullptr) link->waiter->wake();
}

void Link::cancel() {
  Link* first = this;
  while (first->upstream_ != nullptr) first = first->upstream_;
  if (first->called()) return;
  const Ref<Link> held(first);  // the canceller may drop everything
  std::exception_ptr error = std::make_exception_ptr(Cancelled{});
  try {
    if (!first->call_canceller()) first->ignore_late_call_ = true;
  } catch (...) {
    error = std::current_exception();
  }
  // It may have fired; or it was a coroutine, and waits for another Deferred.
  if (first->called() || first->upstream_ != nullptr) return;
  first->fail(std::move(error));
  run(held);
}

}  // namespace simul::detail
