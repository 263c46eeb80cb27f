// A doubly linked list whose links live inside the elements.
//
// Nothing is allocated to put an element on a list, and an element can take itself off in O(1)
// without knowing which list it is on. Waiting is built on that: a wait lives in a coroutine frame
// or on a fiber's stack, and destroying it must remove it from wherever it hangs.
//
//      +------+     +---+     +---+
//   +->| List |<--->| a |<--->| b |<-+        The list is a ring through the list object
//   |  +------+     +---+     +---+  |        itself, so no operation has a special case
//   +--------------------------------+        for "first" or "last".
//
// The invariant: a node is on at most one list, and a node that is on none points to itself.
#pragma once

#include <cassert>
#include <cstddef>

namespace simul {

/// The link to inherit from. `Tag` tells several links of one object apart.
/// Thread: that of the list. Neither copied nor moved: its neighbours point to it.
template <class Tag = void>
class ListNode {
 public:
  ListNode() = default;
  ListNode(const ListNode&) = delete;
  ListNode& operator=(const ListNode&) = delete;
  ~ListNode() {
    if (linked()) unlink();
  }

  /// Is it on a list?
  bool linked() const noexcept { return next_ != this; }

  /// Takes it off its list; does nothing if it is on none.
  void unlink() noexcept {
    prev_->next_ = next_;
    next_->prev_ = prev_;
    next_ = prev_ = this;
  }

 private:
  template <class T, class>
  friend class List;

  void insert_before(ListNode& other) noexcept {
    assert(!linked());
    prev_ = other.prev_;
    next_ = &other;
    prev_->next_ = this;
    other.prev_ = this;
  }

  ListNode* prev_ = this;
  ListNode* next_ = this;
};

/// A first-in, first-out list of `T`, where `T` derives from `ListNode<Tag>`. It does not own its
/// elements: the list's destructor only lets go of them.
template <class T, class Tag = void>
class List {
 public:
  using Node = ListNode<Tag>;

  List() = default;
  List(const List&) = delete;
  List& operator=(const List&) = delete;
  ~List() { clear(); }

  bool empty() const noexcept { return !head_.linked(); }

  void push_back(T& element) noexcept { node(element).insert_before(head_); }
  void push_front(T& element) noexcept { node(element).insert_before(*head_.next_); }

  /// The first element, or null when the list is empty.
  T* front() noexcept { return empty() ? nullptr : static_cast<T*>(head_.next_); }

  /// The last element, or null when the list is empty.
  T* back() noexcept { return empty() ? nullptr : static_cast<T*>(head_.prev_); }

  /// The element after `element`, or null at the end.
  T* next(T& element) noexcept {
    Node* after = node(element).next_;
    return after == &head_ ? nullptr : static_cast<T*>(after);
  }

  /// The element before `element`, or null at the beginning.
  T* previous(T& element) noexcept {
    Node* before = node(element).prev_;
    return before == &head_ ? nullptr : static_cast<T*>(before);
  }

  /// Takes off the first element and returns it; null when the list is empty.
  T* pop_front() noexcept {
    T* first = front();
    if (first != nullptr) node(*first).unlink();
    return first;
  }

  /// Appends all of `other`, which is empty afterwards. O(1).
  void splice_back(List& other) noexcept {
    if (other.empty()) return;
    Node* first = other.head_.next_;
    Node* last = other.head_.prev_;
    other.head_.next_ = other.head_.prev_ = &other.head_;
    Node* tail = head_.prev_;
    tail->next_ = first;
    first->prev_ = tail;
    last->next_ = &head_;
    head_.prev_ = last;
  }

  /// Lets go of all elements. O(n).
  void clear() noexcept {
    while (pop_front() != nullptr) {
    }
  }

 private:
  static Node& node(T& element) noexcept { return element; }

  Node head_;
};

}  // namespace simul
