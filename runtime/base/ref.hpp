// A counted reference to an object that keeps its own count.
//
// Results are shared: whoever produces one holds a reference, and so does each handle. The count
// lives in the object (`add_reference`, `drop_reference`), so a reference is one pointer and making
// one allocates nothing. The count is a plain number: all references belong to one thread.
#pragma once

#include <utility>

namespace simul {

/// Keeps an object of type L. May be null. Copying costs an increment, moving nothing.
template <class L>
class Ref {
 public:
  Ref() = default;
  explicit Ref(L* object) noexcept : object_(object) {
    if (object_ != nullptr) object_->add_reference();
  }
  Ref(const Ref& other) noexcept : Ref(other.object_) {}
  template <class M>
  Ref(Ref<M> other) noexcept : object_(other.release()) {}  // NOLINT(google-explicit-constructor)
  Ref(Ref&& other) noexcept : object_(other.release()) {}
  Ref& operator=(Ref other) noexcept {
    std::swap(object_, other.object_);
    return *this;
  }
  ~Ref() {
    if (object_ != nullptr) object_->drop_reference();
  }

  /// For an object whose count already includes this reference, as a new one's may.
  static Ref adopt(L* object) noexcept {
    Ref ref;
    ref.object_ = object;
    return ref;
  }

  L* get() const noexcept { return object_; }
  L* operator->() const noexcept { return object_; }
  L& operator*() const noexcept { return *object_; }
  explicit operator bool() const noexcept { return object_ != nullptr; }
  friend bool operator==(const Ref&, const Ref&) = default;

  /// Gives the reference up without dropping it.
  L* release() noexcept { return std::exchange(object_, nullptr); }

 private:
  L* object_ = nullptr;
};

}  // namespace simul
