// A callable that can be moved but not copied, kept in place when it is small.
//
// std::function insists on copying, so it cannot hold a lambda that owns a promise or a socket, and
// std::move_only_function comes only with C++23. A lambda of up to 48 bytes (six captured words)
// costs no allocation here.
#pragma once

#include <cstddef>
#include <cstring>
#include <memory>
#include <new>
#include <type_traits>
#include <typeinfo>
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

  /// The type of the callable; of an empty one, void. (std::function::target_type)
  const std::type_info& target_type() const noexcept {
    return operations_ != nullptr ? *operations_->type : typeid(void);
  }

  /// Destroys the callable and what it captured.
  void reset() noexcept {
    if (operations_ == nullptr) return;
    const Operations* operations = std::exchange(operations_, nullptr);
    if (operations->destroy != nullptr) operations->destroy(space_);
  }

 private:
  struct Operations {
    Result (*call)(void*, Args&&...);
    // And destroys what is left at `from`. Null: copying the bytes is enough, as for most lambdas
    // and for a pointer to a large one.
    void (*move)(void* from, void* to) noexcept;
    void (*destroy)(void*) noexcept;  // null: there is nothing to do
    const std::type_info* type;
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
  static void move(void* from, void* to) noexcept {
    if constexpr (fits<F>) {
      ::new (to) F(std::move(get<F>(from)));
      get<F>(from).~F();
    }
  }

  template <class F>
  static void destroy(void* space) noexcept {
    if constexpr (fits<F>)
      get<F>(space).~F();
    else
      delete &get<F>(space);
  }

  template <class F>
  static constexpr Operations kOperations = {
      [](void* space, Args&&... args) -> Result {
        return static_cast<Result>(get<F>(space)(std::forward<Args>(args)...));
      },
      !fits<F> || std::is_trivially_copyable_v<F> ? nullptr : move<F>,
      fits<F>&& std::is_trivially_destructible_v<F> ? nullptr : destroy<F>,
      &typeid(F),
  };

  void take(Callback& other) noexcept {
    if (other.operations_ == nullptr) return;
    if (other.operations_->move == nullptr)
      std::memcpy(space_, other.space_, kInPlace);
    else
      other.operations_->move(other.space_, space_);
    operations_ = std::exchange(other.operations_, nullptr);
  }

  const Operations* operations_ = nullptr;
  alignas(std::max_align_t) std::byte space_[kInPlace] = {};  // all of it may be copied
};

}  // namespace simul
