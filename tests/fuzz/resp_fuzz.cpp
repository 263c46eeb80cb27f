// Any bytes as RESP. What holds for each: replies do not depend on how the bytes are cut; what was
// read, written and read again is the same; and what is refused is refused at every cut. The first
// byte chooses the limits, and whether replies or requests are read.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/base/error.hpp"
#include "runtime/redis/error.hpp"
#include "runtime/redis/resp.hpp"

namespace redis = simul::redis;

namespace {

void must(bool promise) {
  if (!promise) std::abort();
}

// What came of the bytes; an error as text, without its kind.
struct Result {
  std::vector<redis::Reply> replies;
  std::string error;
  bool idle = false;
  bool operator==(const Result&) const = default;
};

Result read_in_steps(std::string_view bytes, std::size_t step, const redis::ReplyLimits& limits,
                     redis::ReadAs what) {
  Result result;
  redis::ReplyReader reader(limits, what);
  try {
    while (!bytes.empty()) {
      std::string_view piece = bytes.substr(0, step);
      bytes.remove_prefix(piece.size());
      while (!piece.empty()) {
        // In memory of its own, so that a byte read past the end is noticed.
        const auto copy = std::make_unique<char[]>(piece.size());
        piece.copy(copy.get(), piece.size());
        piece.remove_prefix(reader.feed({copy.get(), piece.size()}));
        if (reader.ready()) result.replies.push_back(reader.take());
      }
    }
    result.idle = reader.idle();
  } catch (const redis::ProtocolError& error) {
    result.error = error.what();
  } catch (const simul::LimitExceeded& error) {
    result.error = error.what();
  }
  return result;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  redis::ReplyLimits limits;
  limits.depth = 1 + data[0] % 64;
  limits.total = 1 << 20;
  if (data[0] % 3 == 0) limits.bulk = limits.line = 16;
  const redis::ReadAs what = data[0] % 2 == 0 ? redis::ReadAs::replies : redis::ReadAs::requests;
  const std::string_view bytes(reinterpret_cast<const char*>(data) + 1, size - 1);
  const Result whole = read_in_steps(bytes, bytes.size(), limits, what);
  must(read_in_steps(bytes, 1, limits, what) == whole);
  must(read_in_steps(bytes, 1 + data[0] % 7, limits, what) == whole);
  std::string written;
  try {
    for (const redis::Reply& reply : whole.replies) redis::write_reply(written, reply);
  } catch (const std::invalid_argument&) {
    return 0;  // a line that was read may hold a lone CR, which no writer of ours writes
  }
  const Result again = read_in_steps(written, written.size(), {}, redis::ReadAs::replies);
  must(again.error.empty() && again.idle && again.replies == whole.replies);
  return 0;
}
