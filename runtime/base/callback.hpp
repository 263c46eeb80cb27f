// A callable that can be moved but not copied, kept in place when it is small.
//
// std::function insists on copying, so it cannot hold a lambda that owns a promise or a socket, and
// std::move_only_function comes only with C++23. A lambda of up to 48 bytes (six captured words)
// costs no allocation here.
#pragma once

#include <cstddef>
#include <memory>
#include <new>
#include <type_traits>
#include <utility>

namespace simul {

template <class Signature>
class Callback;

/// A function from `Args...` to `Result`. Empty when default-made or moved from; calling an empty
/// one is an error of the caller.
template <class Result, class... Args>
class Callback<Result(Args...)> {
 public:
  static constexpr std::size_t kInPlace = 48;

  Callback() = default;

  template <class F>
  requires(!std::is_same_v<std::remove_cvref_t<F>, Callback> &&
           std::is_invocable_r_v<Result, std::decay_t<F>&, Args...>)
      Callback(F&& function) {  // NOLINT(google-explicit-constructor): a lambda is passed as it is
    using Function = std::decay_t<F>;
    if constexpr (fits<Function>) {
      ::new (static_cast<void*>(space_)) Function(std::forward<F>(function));
    } else {
      ::new (static_cast<void*>(space_)) Function*(new Function(std::forward<F>(function)));
    }
    operations_ = &kOperations<Function>;
  }

  Callback(Callback&& other) noexcept { take(other); }
  Callback& operator=(Callback&& other) noexcept {
    if (this != &other) {
      reset();
      take(other);
    }
    return *this;
  }
  ~Callback() { reset(); }

  explicit operator bool() const noexcept { return operations_ != nullptr; }

  Result operator()(Args... args) { return operations_->call(space_, std::forward<Args>(args)...); }

  /// Destroys the callable and what it captured.
  void reset() noexcept {
    if (operations_ != nullptr) std::exchange(operations_, nullptr)->destroy(space_);
  }

 private:
  struct Operations {
    Result (*call)(void*, Args&&...);
    void (*move)(void* from, void* to) noexcept;  // and destroys what is left at `from`
    void (*destroy)(void*) noexcept;
  };

  template <class F>
  static constexpr bool fits =
      sizeof(F) <= kInPlace &&
      alignof(F) <= alignof(std::max_align_t) && std::is_nothrow_move_constructible_v<F>;

  template <class F>
  static F& get(void* space) noexcept {
    if constexpr (fits<F>)
      return *std::launder(static_cast<F*>(space));
    else
      return **std::launder(static_cast<F**>(space));
  }

  template <class F>
  static constexpr Operations kOperations = {
      [](void* space, Args&&... args) -> Result {
        return static_cast<Result>(get<F>(space)(std::forward<Args>(args)...));
      },
      [](void* from, void* to) noexcept {
        if constexpr (fits<F>) {
          ::new (to) F(std::move(get<F>(from)));
          get<F>(from).~F();
        } else {
          ::new (to) F*(&get<F>(from));
        }
      },
      [](void* space) noexcept {
        if constexpr (fits<F>)
          get<F>(space).~F();
        else
          delete &get<F>(space);
      },
  };

  void take(Callback& other) noexcept {
    if (other.operations_ == nullptr) return;
    other.operations_->move(other.space_, space_);
    operations_ = std::exchange(other.operations_, nullptr);
  }

  const Operations* operations_ = nullptr;
  alignas(std::max_align_t) std::byte space_[kInPlace];
};

}  // namespace simul
