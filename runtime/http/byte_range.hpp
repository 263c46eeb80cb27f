// A part of a resource, as the Range header asks for it: "bytes=0-499", "bytes=500-", "bytes=-500".
//
// RFC 9110 section 14. A server may ignore a Range that it does not like, and answers the whole
// then: so does this for another unit, for what is malformed, and for several ranges at once, which
// have been used to make a server send a file a thousand times over (CVE-2011-3192).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace simul::http {

/// Bytes `first` to `first + count - 1`.
struct ByteRange {
  std::uint64_t first = 0;
  std::uint64_t count = 0;

  /// The value of Content-Range: "bytes 0-499/1234".
  std::string content_range(std::uint64_t size) const;
};

/// Which part of `size` bytes `range`, the value of a Range header, asks for. Nothing: all of it.
/// A `count` of 0: none of the bytes is there (416).
std::optional<ByteRange> chosen_range(std::string_view range, std::uint64_t size);

}  // namespace simul::http
