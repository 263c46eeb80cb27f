// zlib's inflate on the same streams as ours, with the same size of output pieces.
// needs: zlib.h
// links: -lz
#include <zlib.h>

#include <array>

#include "tests/bench/inflate_bench.hpp"

namespace {

void expand(std::string_view compressed) {
  static std::array<unsigned char, 64 * 1024> buffer;
  z_stream stream{};
  inflateInit2(&stream, 15 + 16);
  stream.next_in = reinterpret_cast<unsigned char*>(const_cast<char*>(compressed.data()));
  stream.avail_in = static_cast<unsigned>(compressed.size());
  int result = Z_OK;
  while (result == Z_OK) {
    stream.next_out = buffer.data();
    stream.avail_out = buffer.size();
    result = inflate(&stream, Z_NO_FLUSH);
  }
  inflateEnd(&stream);
  if (result != Z_STREAM_END) throw std::runtime_error("zlib refuses the stream");
}

}  // namespace

int main(int argc, char** argv) {
  return simul::bench::run(argc, argv, [](simul::bench::Bench& bench) {
    simul::bench::expand_all(bench, "inflate.zlib.", expand);
  });
}
