// What gzip(1) and Python's zlib write, and what they make of broken streams. Where one of the two
// is not installed, its tests are skipped and say so; inflate_test.cpp needs neither.
#include <gtest/gtest.h>
#include <unistd.h>

#include <cstring>
#include <random>
#include <string>
#include <vector>

#include "runtime/http/error.hpp"
#include "runtime/http/inflate.hpp"
#include "tests/http/compressed.hpp"
#include "tests/support/child.hpp"

namespace simul::http {
namespace {

using simul::testing::BitWriter;
using simul::testing::Child;
using simul::testing::Lengths;
using simul::testing::run_program;
using simul::testing::RunResult;
using simul::testing::squeeze;

bool runs(const std::vector<std::string>& command) {
  try {
    return run_program(command).status == 0;
  } catch (const std::system_error&) {
    return false;
  }
}

bool have_gzip() {
  return runs({"gzip", "--version"});
}
bool have_python() {
  return runs({"python3", "-c", "import zlib"});
}

/// The output of `python3 -c script`, which must succeed.
std::string python(const std::string& script, const std::string& input = {}) {
  const RunResult result = run_program({"python3", "-c", script}, {.input = input});
  EXPECT_EQ(result.status, 0) << result.err;
  return result.out;
}

/// Fields that a peer has written one behind the other: a length in four bytes, then the bytes.
class Fields {
 public:
  explicit Fields(std::string_view bytes) : bytes_(bytes) {}
  bool empty() const { return bytes_.size() < 4; }
  std::string_view next() {
    std::uint32_t size = 0;
    for (int i = 3; i >= 0; --i) size = size << 8 | static_cast<unsigned char>(bytes_[i]);
    const std::string_view field = bytes_.substr(4, size);
    bytes_.remove_prefix(4 + field.size());
    return field;
  }

 private:
  std::string_view bytes_;
};

/// The content of `stream`, given in pieces of `size` bytes; the error's text, if there is one.
std::string expand(std::string_view stream, Frame frame, std::size_t size) {
  ExpansionLimits limits;
  limits.ratio = ExpansionLimits::kUnlimited;
  Inflater inflater(frame, limits);
  std::string content;
  try {
    while (!stream.empty()) {
      std::string_view bytes = stream.substr(0, size);
      stream.remove_prefix(bytes.size());
      for (std::string_view piece; !(piece = inflater.next(bytes)).empty();) content += piece;
    }
    inflater.finish();
  } catch (const ProtocolError& error) {
    return error.what();
  }
  return content;
}

TEST(InflatePeers, ExpandsAllThatPythonsZlibWrites) {
  if (!have_python()) GTEST_SKIP() << "no python3 with zlib";
  const std::string out = python(R"(
import random, struct, sys, zlib
random.seed(1)
words = [bytes(random.choices(b'etaoinshrdlu', k=random.randint(1, 9))) for _ in range(300)]
contents = {
  'empty': b'', 'one byte': b'x', 'short': b'hello hello hello', 'zeros': bytes(100000),
  'text': b' '.join(random.choices(words, k=6000)), 'random': random.randbytes(70000),
  'two bytes': bytes(random.choices(b'ab', k=20000)), 'period': random.randbytes(1000) * 40,
  'far': (lambda r: r + bytes(5000) + r)(random.randbytes(27000)), 'counting': bytes(range(256)) * 50,
}
def field(b): sys.stdout.buffer.write(struct.pack('<I', len(b)) + b)
def case(name, content, level=6, wbits=15, memory=8, strategy=0, flush=None):
  c = zlib.compressobj(level, zlib.DEFLATED, wbits, memory, strategy)
  if flush is None: stream = c.compress(content) + c.flush()
  else:
    parts = [c.compress(content[i:i + 3000]) + c.flush(flush) for i in range(0, len(content), 3000)]
    stream = b''.join(parts) + c.flush()
  kind = b'raw' if wbits < 0 else b'zlib' if wbits < 16 else b'gzip'
  field(f'{name} level {level} wbits {wbits} memory {memory} strategy {strategy} {flush}'.encode())
  field(kind); field(content); field(stream)
for name, content in contents.items():
  for level in range(10): case(name, content, level, (15, -15, 31)[level % 3])
  for strategy in range(5):
    for level in (1, 6): case(name, content, level, (31, 15, -15)[strategy % 3], strategy=strategy)
  for wbits in range(9, 15): case(name, content, 6, wbits)
  for memory in (1, 9): case(name, content, 6, -15, memory)
  for flush in (zlib.Z_PARTIAL_FLUSH, zlib.Z_SYNC_FLUSH, zlib.Z_FULL_FLUSH, zlib.Z_BLOCK):
    case(name, content, 6, 15, flush=flush)
)");
  int cases = 0;
  for (Fields fields(out); !fields.empty(); ++cases) {
    const std::string name(fields.next());
    const std::string_view kind = fields.next();
    const Frame frame = kind == "raw" ? Frame::raw : kind == "zlib" ? Frame::zlib : Frame::gzip;
    const std::string_view content = fields.next();
    const std::string_view stream = fields.next();
    EXPECT_TRUE(expand(stream, frame, stream.size()) == content) << name;
    EXPECT_TRUE(expand(stream, frame, 17) == content) << name;
    if (stream.size() < 5000) {
      EXPECT_TRUE(expand(stream, frame, 1) == content) << name;
    }
  }
  EXPECT_EQ(cases, 10 * (10 + 10 + 6 + 2 + 4));
}

// Where zlib finds a fault, we find one; where it finds none, we find the same bytes.
TEST(InflatePeers, JudgesBrokenStreamsAsZlibDoes) {
  if (!have_python()) GTEST_SKIP() << "no python3 with zlib";
  std::vector<std::string> streams;
  BitWriter fixed;
  fixed.begin_block(false, 1);
  for (const char c : std::string_view("hello, ")) fixed.fixed(static_cast<unsigned char>(c));
  fixed.fixed_match(10, 7).fixed(256).stored(true, "world");
  streams.push_back(fixed.done());
  streams.push_back(squeeze("hello" + std::string(600, '\0') + "world"));
  Lengths literals(270);
  for (const int symbol : {97, 98, 99, 256, 257, 260}) literals[symbol] = 3;
  literals[269] = 2;
  streams.push_back(BitWriter()
                        .dynamic(true, literals, {2, 2, 2, 2})
                        .word(2, 3)
                        .word(3, 3)
                        .word(6, 3)
                        .word(0, 2)
                        .word(5, 3)
                        .done());
  streams.push_back(python(R"(
import sys, zlib
c = zlib.compressobj(9, zlib.DEFLATED, -15)
sys.stdout.buffer.write(c.compress(b'the quick brown fox jumps over the lazy dog; the lazy dog '
                                   b'sleeps on, and the quick brown fox is over it again.' * 2) +
                        c.flush()))"));
  std::vector<std::string> mutants;
  std::string input;
  const auto add = [&](const std::string& mutant) {
    mutants.push_back(mutant);
    input += testing::little_endian(static_cast<std::uint32_t>(mutant.size())) + mutant;
  };
  std::mt19937 random(3);
  for (const std::string& stream : streams) {
    for (std::size_t bit = 0; bit < stream.size() * 8; ++bit) {
      std::string mutant = stream;
      mutant[bit / 8] = static_cast<char>(mutant[bit / 8] ^ 1 << bit % 8);
      add(mutant);
    }
    for (int i = 0; i < 2000; ++i) {
      std::string mutant = stream;
      for (int n = 1 + static_cast<int>(random() % 4); n > 0; --n) {
        mutant[random() % mutant.size()] = static_cast<char>(random());
      }
      add(mutant.substr(0, random() % 8 == 0 ? random() % mutant.size() : mutant.size()));
    }
  }
  for (int i = 0; i < 4000; ++i) {
    std::string mutant(1 + random() % 60, '\0');
    for (char& byte : mutant) byte = static_cast<char>(random());
    mutant[0] = static_cast<char>((mutant[0] & ~7) | (random() % 2 == 0 ? 5 : 3));
    add(mutant);
  }
  const std::string out = python(R"(
import struct, sys, zlib
data = sys.stdin.buffer.read()
at = 0
while at < len(data):
  size, = struct.unpack_from('<I', data, at)
  d = zlib.decompressobj(-15)
  try:
    content = d.decompress(data[at + 4:at + 4 + size])
    good = d.eof and not d.unused_data
  except zlib.error: good = False
  at += 4 + size
  answer = b'+' + content if good else b'-'
  sys.stdout.buffer.write(struct.pack('<I', len(answer)) + answer)
)",
                                 input);
  Fields answers(out);
  int good = 0;
  for (const std::string& mutant : mutants) {
    ASSERT_FALSE(answers.empty());
    const std::string_view answer = answers.next();
    std::string ours = "-";
    try {
      ours = "+" + inflate(mutant, Frame::raw);
      ++good;
    } catch (const ProtocolError&) {
    }
    EXPECT_TRUE(ours == answer) << ::testing::PrintToString(mutant);
  }
  EXPECT_GT(good, 1000);
}

TEST(InflatePeers, ExpandsWhatGzipWritesAtEachLevel) {
  if (!have_gzip()) GTEST_SKIP() << "no gzip";
  std::string content;
  std::mt19937 random(4);
  while (content.size() < 200'000) {
    content +=
        "line " + std::to_string(random() % 5000) + (random() % 3 == 0 ? " and more\n" : "\n");
  }
  for (int level = 1; level <= 9; ++level) {
    const RunResult result =
        run_program({"gzip", "-c", "-" + std::to_string(level)}, {.input = content});
    ASSERT_EQ(result.status, 0);
    for (const std::size_t size : {result.out.size(), std::size_t{1}}) {
      EXPECT_TRUE(expand(result.out, Frame::gzip, size) == content) << level;
    }
    EXPECT_TRUE(expand(result.out + result.out, Frame::gzip, 4096) == content + content) << level;
  }
}

// What gzip(1) itself does at the end of a file: zeros are nothing, anything else is not its own.
TEST(InflatePeers, ToleratesAtTheEndWhatGzipTolerates) {
  if (!have_gzip()) GTEST_SKIP() << "no gzip";
  const std::string one = testing::gzip_of("one");
  const std::string zeros(100, '\0');
  for (const std::string& tail : {std::string(), one, zeros, std::string("x"), zeros + one}) {
    const int status = run_program({"gzip", "-dc"}, {.input = one + tail}).status;
    const std::string ours = expand(one + tail, Frame::gzip, 1000);
    EXPECT_EQ(ours == "one" || ours == "oneone", status == 0) << tail;
  }
}

TEST(InflatePeers, Expands100MegabytesOutOfAPipe) {
  if (!have_gzip()) GTEST_SKIP() << "no gzip";
  constexpr std::uint64_t kSize = 100'000'000;
  const std::string line = "All work and no play makes Jack a dull boy.\n";
  Child child({"sh", "-c",
               "yes '" + line.substr(0, line.size() - 1) + "' | head -c " + std::to_string(kSize) +
                   " | gzip -1"});
  child.in.reset();
  ExpansionLimits limits;
  limits.expanded = kSize;
  Inflater inflater(Frame::gzip, limits);
  std::string period;
  while (period.size() < 200'000) period += line;
  std::uint64_t got = 0;
  bool same = true;
  std::string buffer(65536, '\0');
  for (;;) {
    const ssize_t size = ::read(child.out.get(), buffer.data(), buffer.size());
    if (size == -1 && errno == EINTR) continue;
    if (size <= 0) break;
    std::string_view bytes(buffer.data(), static_cast<std::size_t>(size));
    for (std::string_view piece; !(piece = inflater.next(bytes)).empty();) {
      same =
          same && std::memcmp(piece.data(), period.data() + got % line.size(), piece.size()) == 0;
      got += piece.size();
    }
  }
  EXPECT_EQ(child.wait(), 0);
  inflater.finish();
  EXPECT_TRUE(same);
  EXPECT_EQ(got, kSize);
}

}  // namespace
}  // namespace simul::http
