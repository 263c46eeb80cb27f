// The same bytes, arriving in every way that a network may deliver them.
//
// What a parser finds must not depend on how its input was cut, so parser tests run on the whole
// input, on every cut into two, and on single bytes. Each piece lies in an allocation of its own
// size: under AddressSanitizer, one byte read past its end is an error.
#pragma once

#include <cstring>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace simul::testing {

/// Bytes cut at given places. The views in `pieces` live as long as this object.
class Cut {
 public:
  explicit Cut(std::string_view bytes) { add(bytes); }
  Cut(std::string_view bytes, std::size_t at) {
    add(bytes.substr(0, at));
    add(bytes.substr(at));
  }
  static Cut into_bytes(std::string_view bytes) {
    Cut cut(bytes.substr(0, 0));
    for (std::size_t i = 0; i < bytes.size(); ++i) cut.add(bytes.substr(i, 1));
    return cut;
  }

  std::vector<std::string_view> pieces;

 private:
  void add(std::string_view bytes) {
    auto copy = std::make_unique<char[]>(bytes.size());
    if (!bytes.empty()) std::memcpy(copy.get(), bytes.data(), bytes.size());
    pieces.emplace_back(copy.get(), bytes.size());
    memory_.push_back(std::move(copy));
  }

  std::vector<std::unique_ptr<char[]>> memory_;
};

/// Calls `use(pieces, name)` for every way of cutting; `name` tells a failure's reader which.
template <class Use>
void for_each_split(std::string_view bytes, Use use) {
  use(Cut(bytes).pieces, std::string("whole"));
  for (std::size_t at = 0; at <= bytes.size(); ++at) {
    use(Cut(bytes, at).pieces, "cut at " + std::to_string(at));
  }
  use(Cut::into_bytes(bytes).pieces, std::string("byte by byte"));
}

}  // namespace simul::testing
