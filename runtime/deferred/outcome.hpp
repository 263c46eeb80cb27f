// How something ended: with a value, or with an exception.
//
// A Deferred carries one of these along its chain, and a DeferredList fires with a row of them. It
// is what Twisted has as "a result or a Failure", and as the pair (success, result).
#pragma once

#include <exception>
#include <type_traits>
#include <utility>
#include <variant>

namespace simul {

/// A value of type T (which may be void, or a type that can only be moved), or an exception.
template <class T>
class Outcome {
 public:
  static_assert(!std::is_reference_v<T>, "an outcome holds an object: pass a pointer instead");
  using Stored = std::conditional_t<std::is_void_v<T>, std::monostate, T>;

  /// A success. `Outcome<void>` is made from nothing.
  Outcome(Stored value = Stored())  // NOLINT(google-explicit-constructor): a value is a success
      : content_(std::in_place_index<0>, std::move(value)) {}

  /// A failure; `error` is not null.
  static Outcome failure(std::exception_ptr error) { return Outcome(Failed{}, std::move(error)); }

  /// Is it a value?
  bool ok() const noexcept { return content_.index() == 0; }
  explicit operator bool() const noexcept { return ok(); }

  /// The value; throws the exception if it is one.
  std::add_lvalue_reference_t<T> value() & {
    throw_if_failed();
    if constexpr (!std::is_void_v<T>) return *std::get_if<0>(&content_);
  }
  std::add_lvalue_reference_t<const T> value() const& {
    throw_if_failed();
    if constexpr (!std::is_void_v<T>) return *std::get_if<0>(&content_);
  }

  /// The value, moved out; throws the exception if it is one.
  T take() {
    throw_if_failed();
    if constexpr (!std::is_void_v<T>) return std::move(*std::get_if<0>(&content_));
  }

  /// The exception, or null.
  std::exception_ptr error() const noexcept {
    const std::exception_ptr* error = std::get_if<1>(&content_);
    return error == nullptr ? nullptr : *error;
  }

 private:
  struct Failed {};
  Outcome(Failed, std::exception_ptr error) : content_(std::in_place_index<1>, std::move(error)) {}
  void throw_if_failed() const {
    if (const std::exception_ptr* error = std::get_if<1>(&content_)) std::rethrow_exception(*error);
  }

  std::variant<Stored, std::exception_ptr> content_;
};

}  // namespace simul
