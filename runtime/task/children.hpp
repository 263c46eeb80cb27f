// Children: those whose end a group waits for, tasks or fibers.
//
// The group learns of each end the moment it happens. The first failure makes it shut down: all
// others are cancelled, and nobody is taken in any more.
//
//      open --- a child fails, or the group is told to ---> shutting down
//                                                            |
//      all_ended() is ready, in either state, when no child is left
//
// The invariant: a child is listed from `add` to its end, and `first_failed` is set once. What the
// first failure means for whoever made the group is that one's affair (task_group.hpp,
// fiber_group.hpp). Failures after the first are collected by nobody here, and so are reported.
#pragma once

#include "runtime/base/callback.hpp"
#include "runtime/base/intrusive_list.hpp"
#include "runtime/base/ref.hpp"
#include "runtime/reactor/spawned.hpp"
#include "runtime/reactor/waiter.hpp"

namespace simul::detail {

/// Thread: that of the children.
class Children {
 public:
  /// `failed` is called after the first failure, when the others have been cancelled.
  explicit Children(Callback<void()> failed) : failed_(std::move(failed)) {}

  /// Lets go of those that have not ended, which only happens when their reactor gives them up.
  ~Children();
  Children(const Children&) = delete;
  Children& operator=(const Children&) = delete;

  /// Throws std::runtime_error when the group shuts down. To be asked before a child is made.
  void check_open() const;

  void add(Spawned& child);

  /// Cancels all, and takes in nobody any more. Called again, it cancels again those that are left.
  void shut_down();

  bool shutting_down() const noexcept { return shutting_down_; }
  bool empty() const noexcept { return list_.empty(); }

  /// The child that failed first, or null. Its error is not collected yet.
  Spawned* first_failed() const noexcept { return first_failed_.get(); }

  /// The wait until no child is left. One at a time.
  class [[nodiscard]] AllEnded final : public Wait<AllEnded> {
   public:
    explicit AllEnded(Children& children) noexcept : Wait(kSort), children_(children) {}
    bool await_ready() const noexcept { return children_.empty(); }
    void start() noexcept { children_.waiter_ = this; }
    void await_resume() const noexcept {}

   private:
    static void leave(Waiter& waiter) noexcept {
      static_cast<AllEnded&>(waiter).children_.waiter_ = nullptr;
    }
    static constexpr Sort kSort = {"children", leave};
    Children& children_;
  };
  AllEnded all_ended() noexcept { return AllEnded(*this); }

 private:
  struct Child;
  void ended(Child& child) noexcept;

  List<Child, Child> list_;
  Ref<Spawned> first_failed_;
  Callback<void()> failed_;
  Waiter* waiter_ = nullptr;
  bool shutting_down_ = false;
};

struct Children::Child final : DoneLink, ListNode<Child> {
  Child(Children& its_parent, Spawned& its_core) noexcept : parent(its_parent), core(&its_core) {}
  Children& parent;
  Ref<Spawned> core;
};

}  // namespace simul::detail
