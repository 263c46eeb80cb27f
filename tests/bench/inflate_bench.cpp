// What expanding costs, in MB/s of what comes out, beside the floor: a memcpy of the same content.
//
// There is no compressor here, so the content is compressed by gzip(1); without it there is nothing
// to measure. "text" is this project's own sources, "binary" this very program, "stored" noise, and
// "run" one byte again and again. peers/inflate_zlib_bench.cpp expands the same streams with zlib.
#include "tests/bench/inflate_bench.hpp"

#include "runtime/http/checksum.hpp"
#include "runtime/http/inflate.hpp"

namespace simul::bench {
namespace {

void expand(std::string_view stream) {
  http::ExpansionLimits limits;
  limits.expanded = limits.ratio = http::ExpansionLimits::kUnlimited;
  http::Inflater inflater(http::Frame::gzip, limits);
  std::size_t size = 0;
  for (std::string_view piece; !(piece = inflater.next(stream)).empty();) size += piece.size();
  inflater.finish();
  keep(size);
}

template <class Sum>
void checksum(Bench& bench, const std::string& name, const std::string& content) {
  std::string copy = content;
  bench.compare(
      name, "MB/s",
      [&] {
        return rate(content.size(), [&] {
          Sum sum;
          sum.update(content);
          keep(sum.value());
        });
      },
      [&] { return rate(content.size(), [&] { copy_all(content, copy); }); });
}

}  // namespace
}  // namespace simul::bench

int main(int argc, char** argv) {
  using namespace simul::bench;  // NOLINT(google-build-using-namespace): a program of one file
  return run(argc, argv, [](Bench& bench) {
    expand_all(bench, "inflate.", expand);
    const std::string content(1 << 20, 'x');
    checksum<simul::http::Crc32>(bench, "inflate.crc32", content);
    checksum<simul::http::Adler32>(bench, "inflate.adler32", content);
  });
}
