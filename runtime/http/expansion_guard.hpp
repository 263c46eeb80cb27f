// How much may come out of what went in.
//
// A few compressed bytes can stand for a great many: deflate makes up to 1,032 of one, and two
// deflates one inside the other a million. So what comes out is bounded twice, as such and as a
// multiple of what went in. The multiple is not asked for below a floor of 1 MiB: a small page may
// well be nothing but spaces, and so little is no danger to anybody.
//
// The invariant: not one byte beyond `expanded` is handed out, however the input was cut. The ratio
// is looked at once for each piece of at most 96 KiB, so that its error may come a piece later when
// the input came in larger pieces.
#pragma once

#include <cstdint>
#include <limits>
#include <string>
#include <string_view>

#include "runtime/http/error.hpp"

namespace simul::http {

/// Bounds on what a decoder puts out.
struct ExpansionLimits {
  static constexpr std::uint64_t kUnlimited = std::numeric_limits<std::uint64_t>::max();

  std::uint64_t expanded = 64 * 1024 * 1024;  ///< bytes put out in all
  std::uint64_t ratio = 1000;                 ///< bytes put out for each byte taken, at least 1
  std::uint64_t ratio_floor = 1024 * 1024;    ///< bytes up to which the ratio does not matter
};

/// Counts one stream's output against its limits.
class ExpansionGuard {
 public:
  explicit ExpansionGuard(const ExpansionLimits& limits) : limits_(limits) {}

  /// `piece` is about to be handed out, after `taken` bytes of input in all. Returns as much of it
  /// as the size limit allows, which is less than all of it only before `check` throws.
  std::string_view admit(std::string_view piece, std::uint64_t taken) noexcept {
    if (piece.size() > limits_.expanded - put_out_) {
      too_large_ = true;
      piece = piece.substr(0, static_cast<std::size_t>(limits_.expanded - put_out_));
    }
    put_out_ += piece.size();
    // put_out_ > ratio * taken, but the product may not fit.
    too_steep_ = put_out_ > limits_.ratio_floor && (put_out_ - 1) / limits_.ratio >= taken;
    return piece;
  }

  /// Throws `TooLarge` (413), naming the limit, once `admit` has met one.
  void check() const {
    if (too_large_) {
      throw TooLarge(
          "the expanded content is larger than " + std::to_string(limits_.expanded) + " bytes",
          413);
    }
    if (too_steep_) {
      throw TooLarge("the expanded content is more than " + std::to_string(limits_.ratio) +
                         " times as large as what was sent",
                     413);
    }
  }

  /// Bytes handed out so far.
  std::uint64_t put_out() const noexcept { return put_out_; }

 private:
  ExpansionLimits limits_;
  std::uint64_t put_out_ = 0;
  bool too_large_ = false;
  bool too_steep_ = false;
};

}  // namespace simul::http
