#include "runtime/http/websocket_mask.hpp"

#include <sys/random.h>
#include <unistd.h>

#include <cstdint>
#include <cstring>

#include "runtime/base/error.hpp"

namespace simul::http::websocket {

void mask(std::span<char> bytes, const MaskKey& key, std::size_t at) noexcept {
  // The key twice, beginning with the byte that is due: the order of bytes in memory is kept, so it
  // is the same on every machine.
  unsigned char turned[8];
  for (std::size_t i = 0; i < 8; ++i) turned[i] = key[(at + i) % 4];
  std::uint64_t wide = 0;
  std::memcpy(&wide, turned, 8);
  std::size_t i = 0;
  // Two words at a time, which compilers make one wide instruction of; with one, g++ was many times
  // slower.
  for (; i + 16 <= bytes.size(); i += 16) {
    std::uint64_t words[2];
    std::memcpy(words, bytes.data() + i, 16);
    words[0] ^= wide;
    words[1] ^= wide;
    std::memcpy(bytes.data() + i, words, 16);
  }
  for (; i < bytes.size(); ++i) bytes[i] = static_cast<char>(bytes[i] ^ turned[i % 8]);
}

void random_bytes(std::span<unsigned char> bytes) {
  check(::getentropy(bytes.data(), bytes.size()), "get random bytes");
}

MaskKey random_key() {
  // A forked child goes on with the same few keys as its parent, on other connections: no page can
  // know them for that.
  thread_local std::array<unsigned char, 256> ahead;
  thread_local std::size_t used = ahead.size();
  if (used == ahead.size()) {
    random_bytes(ahead);
    used = 0;
  }
  MaskKey key;
  std::memcpy(key.data(), ahead.data() + used, key.size());
  used += key.size();
  return key;
}

}  // namespace simul::http::websocket
