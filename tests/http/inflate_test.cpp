#include "runtime/http/inflate.hpp"

#include <gtest/gtest.h>

#include <cstring>
#include <random>
#include <string>
#include <vector>

#include "runtime/http/error.hpp"
#include "tests/http/compressed.hpp"
#include "tests/http/splits.hpp"

namespace simul::http {
namespace {

using simul::testing::BitWriter;
using simul::testing::gzip_member;
using simul::testing::gzip_of;
using simul::testing::gzip_trailer;
using simul::testing::kGzipHeader;
using simul::testing::Lengths;
using simul::testing::squeeze;
using simul::testing::words_of;
using simul::testing::zlib_of;

ExpansionLimits unlimited() {
  ExpansionLimits limits;
  limits.expanded = limits.ratio = ExpansionLimits::kUnlimited;
  return limits;
}

/// What an inflater makes of the pieces: the content, and behind it how it ended.
std::string transcript(const std::vector<std::string_view>& pieces, Frame frame,
                       const ExpansionLimits& limits = {}) {
  std::string text;
  try {
    Inflater inflater(frame, limits);
    for (std::string_view bytes : pieces) {
      for (std::string_view piece; !(piece = inflater.next(bytes)).empty();) text += piece;
      EXPECT_TRUE(bytes.empty());
    }
    inflater.finish();
    return text + "|whole";
  } catch (const Truncated& error) {
    return text + "|truncated: " + error.what();
  } catch (const ProtocolError& error) {
    return text + "|refused: " + error.what();
  } catch (const TooLarge& error) {
    EXPECT_EQ(error.status(), 413);
    return text + "|too large: " + error.what();
  }
}

/// The same, after making sure that it does not depend on how the bytes were cut.
std::string expand(std::string_view bytes, Frame frame = Frame::raw,
                   const ExpansionLimits& limits = {}) {
  const std::string whole = transcript({bytes}, frame, limits);
  testing::for_each_split(bytes, [&](const auto& pieces, const std::string& cut) {
    EXPECT_EQ(transcript(pieces, frame, limits), whole) << cut;
  });
  return whole;
}

std::string noise(std::size_t size, unsigned seed = 1) {
  std::mt19937 random(seed);
  std::string bytes(size, '\0');
  for (char& byte : bytes) byte = static_cast<char>(random());
  return bytes;
}

// --- Deflate: what is right ---

TEST(Deflate, ExpandsAStoredBlock) {
  EXPECT_EQ(expand(BitWriter().stored(true, "hello").done()), "hello|whole");
}

TEST(Deflate, ExpandsAnEmptyBlockOfEachKind) {
  EXPECT_EQ(expand(BitWriter().stored(true, "").done()), "|whole");
  EXPECT_EQ(expand(BitWriter().begin_block(true, 1).fixed(256).done()), "|whole");
  Lengths literals(257);
  literals[256] = 1;  // a code of a single word, as zlib allows
  EXPECT_EQ(expand(BitWriter().dynamic(true, literals, {0}).word(0, 1).done()), "|whole");
}

TEST(Deflate, ExpandsEveryLiteralOfTheFixedCode) {
  BitWriter bits;
  bits.begin_block(true, 1);
  std::string all;
  for (unsigned byte = 0; byte < 256; ++byte) {
    bits.fixed(byte);
    all += static_cast<char>(byte);
  }
  EXPECT_EQ(expand(bits.fixed(256).done()), all + "|whole");
}

TEST(Deflate, ExpandsEveryLength) {
  // RFC 1951 section 3.2.5, written out: symbol 257 + i begins at bases[i].
  const unsigned bases[] = {3,  4,  5,  6,  7,  8,  9,  10, 11,  13,  15,  17,  19,  23, 27,
                            31, 35, 43, 51, 59, 67, 83, 99, 115, 131, 163, 195, 227, 258};
  BitWriter bits;
  std::string expected = "x";
  bits.begin_block(true, 1).fixed('x');
  for (unsigned length = 3; length <= 258; ++length) {
    unsigned i = 0;
    while (i < 28 && bases[i + 1] <= length) ++i;
    const unsigned extra = i < 8 || i == 28 ? 0 : i / 4 - 1;
    bits.fixed(257 + i).number(length - bases[i], extra).word(0, 5);
    expected.append(length, 'x');
  }
  // Symbol 284 with all its extra bits set says 258, too.
  bits.fixed(284).number(31, 5).word(0, 5);
  expected.append(258, 'x');
  EXPECT_EQ(transcript({bits.fixed(256).done()}, Frame::raw), expected + "|whole");
}

TEST(Deflate, ExpandsEveryDistanceThatThereIs) {
  std::string expected = noise(32768);
  BitWriter bits;
  bits.stored(false, expected).begin_block(true, 1);
  for (unsigned distance = 1; distance <= 32768; ++distance) {
    const unsigned length = 3 + distance % 8;
    bits.fixed_match(length, distance);
    for (unsigned i = 0; i < length; ++i) expected += expected[expected.size() - distance];
  }
  const std::string stream = bits.fixed(256).done();
  EXPECT_TRUE(transcript({stream}, Frame::raw) == expected + "|whole");
  EXPECT_TRUE(transcript(testing::Cut::into_bytes(stream).pieces, Frame::raw) ==
              expected + "|whole");
}

TEST(Deflate, RepeatsShortDistancesOverAnyLength) {
  for (unsigned distance = 1; distance <= 40; ++distance) {
    for (unsigned length = 3; length <= 10; ++length) {
      std::string expected = noise(40, distance);
      BitWriter bits;
      bits.stored(false, expected).begin_block(true, 1).fixed_match(length, distance).fixed('!');
      for (unsigned i = 0; i < length; ++i) expected += expected[expected.size() - distance];
      // Behind it enough for the fast loop to run, which the end of a stream is not.
      const std::string stream = bits.fixed(256).done();
      EXPECT_EQ(transcript({stream}, Frame::raw), expected + "!|whole");
      bits = BitWriter();
      bits.stored(false, expected.substr(0, 40)).begin_block(false, 1);
      bits.fixed_match(length, distance).fixed('!').fixed(256).stored(true, noise(40));
      EXPECT_EQ(transcript({bits.done()}, Frame::raw), expected + "!" + noise(40) + "|whole");
    }
  }
}

// Codes of every shape, deep ones above all, against a plain reading of what was written.
TEST(Deflate, DecodesAnyCompleteCode) {
  for (unsigned seed = 0; seed < 300; ++seed) {
    std::mt19937 random(seed);
    const auto dice = [&](std::size_t n) { return static_cast<std::size_t>(random() % n); };
    const auto complete_code = [&](std::size_t words, bool deep) {
      Lengths leaves = {0};
      while (leaves.size() < words) {
        std::size_t at = deep ? leaves.size() - 1 - dice(std::min<std::size_t>(2, leaves.size()))
                              : dice(leaves.size());
        if (leaves[at] == 15) {
          at = static_cast<std::size_t>(std::min_element(leaves.begin(), leaves.end()) -
                                        leaves.begin());
        }
        leaves.push_back(++leaves[at]);
      }
      return leaves;
    };
    const auto scattered = [&](const Lengths& leaves, std::size_t symbols) {
      Lengths lengths(leaves);
      lengths.resize(symbols);
      std::shuffle(lengths.begin(), lengths.end(), random);
      return lengths;
    };
    const std::size_t literal_symbols = 257 + dice(30);
    const std::size_t distance_symbols = 2 + dice(29);
    Lengths literals =
        scattered(complete_code(2 + dice(literal_symbols - 1), seed % 2 == 0), literal_symbols);
    if (literals[256] == 0) {
      std::swap(literals[256], *std::find_if(literals.begin(), literals.end(),
                                             [](std::uint8_t n) { return n != 0; }));
    }
    const Lengths distances =
        scattered(complete_code(2 + dice(distance_symbols - 1), seed % 3 == 0), distance_symbols);
    const auto literal_words = words_of(literals);
    const auto distance_words = words_of(distances);

    BitWriter bits;
    std::string expected = noise(40000, seed);
    bits.stored(false, expected).dynamic(true, literals, distances);
    for (int i = 0; i < 300; ++i) {
      const std::size_t symbol = dice(std::min<std::size_t>(literals.size(), 286));
      if (literals[symbol] == 0 || symbol == 256) continue;
      bits.word(literal_words[symbol], literals[symbol]);
      if (symbol < 256) {
        expected += static_cast<char>(symbol);
        continue;
      }
      const unsigned bases[] = {3,  4,  5,  6,  7,  8,  9,  10, 11,  13,  15,  17,  19,  23, 27,
                                31, 35, 43, 51, 59, 67, 83, 99, 115, 131, 163, 195, 227, 258};
      const unsigned at = static_cast<unsigned>(symbol) - 257;
      const unsigned length_bits = at < 8 || at == 28 ? 0 : at / 4 - 1;
      const auto length_extra = static_cast<unsigned>(dice(1u << length_bits));
      bits.number(length_extra, length_bits);
      std::size_t back = dice(distances.size());
      while (distances[back] == 0) back = (back + 1) % distances.size();
      bits.word(distance_words[back], distances[back]);
      const auto from = static_cast<unsigned>(back);
      const unsigned distance_bits = from < 4 ? 0 : from / 2 - 1;
      const auto distance_extra = static_cast<unsigned>(dice(1u << distance_bits));
      bits.number(distance_extra, distance_bits);
      unsigned distance = 1 + distance_extra;
      for (unsigned k = 0; k < from; ++k) distance += 1u << (k < 4 ? 0 : k / 2 - 1);
      for (unsigned k = 0; k < bases[at] + length_extra; ++k) {
        expected += expected[expected.size() - distance];
      }
    }
    const std::string stream = bits.word(literal_words[256], literals[256]).done();
    ASSERT_TRUE(transcript({stream}, Frame::raw) == expected + "|whole") << "seed " << seed;
    ASSERT_TRUE(transcript(testing::Cut(stream, stream.size() - 20).pieces, Frame::raw) ==
                expected + "|whole")
        << "seed " << seed;
  }
}

TEST(Deflate, TakesADistanceCodeOfOneWordOrNone) {
  Lengths literals(258);
  literals['a'] = 2;
  literals[256] = 2;
  literals[257] = 1;  // words: 257 "0", 'a' "10", end "11"
  EXPECT_EQ(expand(BitWriter()
                       .dynamic(true, literals, {1})
                       .word(2, 2)
                       .word(0, 1)
                       .word(0, 1)
                       .word(3, 2)
                       .done()),
            "aaaa|whole");
  EXPECT_EQ(expand(BitWriter().dynamic(true, literals, {0}).word(2, 2).word(3, 2).done()),
            "a|whole");
}

TEST(Deflate, RepeatsCodeLengthsAcrossBothCodes) {
  // The code of the lengths: 1 "00", 2 "01", 16 "10", 18 "11".
  BitWriter bits;
  bits.begin_block(true, 2).number(0, 5).number(3, 5).number(14, 4);
  for (const unsigned length : {2, 0, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2, 0, 2}) {
    bits.number(length, 3);  // in the order 16 17 18 0 8 7 9 6 10 5 11 4 12 3 13 2 14 1
  }
  bits.word(0, 2).word(1, 2);                          // byte 0: 1; byte 1: 2
  bits.word(3, 2).number(127, 7);                      // 138 times 0
  bits.word(3, 2).number(116 - 11, 7);                 // 116 times 0, up to byte 255
  bits.word(1, 2).word(2, 2).number(0, 2).word(1, 2);  // end: 2; three times 2 again; 2
  bits.word(0, 1).word(2, 2).word(3, 2);
  EXPECT_EQ(expand(bits.done()), std::string("\0\1|whole", 8));
}

// --- Deflate: what is wrong ---

TEST(Deflate, RefusesWhatIsNoDeflate) {
  const auto dynamic = [](const Lengths& literals, const Lengths& distances) {
    return BitWriter().dynamic(true, literals, distances);
  };
  const auto counts = [](unsigned literals, unsigned distances, unsigned lengths) {
    return BitWriter()
        .begin_block(true, 2)
        .number(literals, 5)
        .number(distances, 5)
        .number(lengths, 4);
  };
  Lengths good(258);
  good['a'] = good[256] = 2;
  good[257] = 1;  // words: 257 "0", 'a' "10", end "11"
  Lengths no_end = good;
  no_end[256] = 0;
  no_end['b'] = 2;
  Lengths over = good;
  over['b'] = 15;
  Lengths gap = good;
  gap['a'] = 3;
  Lengths single_long(257);
  single_long[256] = 2;

  const struct {
    std::string bytes;
    std::string_view why;
  } faults[] = {
      {BitWriter().begin_block(true, 3).done(),
       "|refused: deflate: a block is of the kind 3, which does not exist"},
      {BitWriter().begin_block(true, 0).align().number(5, 16).number(5, 16).done(),
       "|refused: deflate: the length of a stored block and its complement differ"},
      {counts(30, 0, 0).done(),
       "|refused: deflate: a block has more than 286 literal and length codes"},
      {counts(0, 30, 0).done(), "|refused: deflate: a block has more than 30 distance codes"},
      {counts(0, 0, 0).number(0, 12).done(),
       "|refused: deflate: the code of the code lengths is incomplete"},
      {counts(0, 0, 0).number(1, 3).number(0, 9).done(),
       "|refused: deflate: the code of the code lengths is incomplete"},
      {counts(0, 0, 0).number(1, 3).number(1, 3).number(1, 3).number(0, 3).done(),
       "|refused: deflate: the code of the code lengths is over-subscribed"},
      // 16 "0" and 18 "1": the first one repeats nothing.
      {counts(0, 0, 0).number(1, 3).number(0, 3).number(1, 3).number(0, 3).word(0, 3).done(),
       "|refused: deflate: the first code length repeats the one before it"},
      {counts(0, 0, 0)
           .number(1, 3)
           .number(0, 3)
           .number(1, 3)
           .number(0, 3)
           .word(1, 1)
           .number(127, 7)
           .word(1, 1)
           .number(127, 7)
           .done(),
       "|refused: deflate: a repeated code length goes beyond the last code"},
      {dynamic(no_end, {1, 1}).done(), "|refused: deflate: a block has no code for its end"},
      {dynamic(over, {1, 1}).done(),
       "|refused: deflate: a literal and length code is over-subscribed"},
      {dynamic(gap, {1, 1}).done(), "|refused: deflate: a literal and length code is incomplete"},
      {dynamic(single_long, {1, 1}).done(),
       "|refused: deflate: a literal and length code is incomplete"},
      {dynamic(good, {1, 1, 1}).done(), "|refused: deflate: a distance code is over-subscribed"},
      {dynamic(good, {2, 2}).done(), "|refused: deflate: a distance code is incomplete"},
      {dynamic(good, {2}).done(), "|refused: deflate: a distance code is incomplete"},
      {dynamic(good, {1}).word(2, 2).word(0, 1).word(1, 1).done(),
       "a|refused: deflate: bits that mean no distance"},
      {dynamic(good, {0}).word(2, 2).word(0, 1).word(0, 1).done(),
       "a|refused: deflate: bits that mean no distance"},
      {BitWriter().begin_block(true, 1).fixed('a').fixed(286).done(),
       "a|refused: deflate: bits that mean no literal and no length"},
      {BitWriter().begin_block(true, 1).fixed('a').fixed(287).done(),
       "a|refused: deflate: bits that mean no literal and no length"},
      {BitWriter().begin_block(true, 1).fixed('a').fixed(257).word(30, 5).done(),
       "a|refused: deflate: bits that mean no distance"},
      {BitWriter().begin_block(true, 1).fixed('a').fixed(257).word(31, 5).done(),
       "a|refused: deflate: bits that mean no distance"},
      {BitWriter().begin_block(true, 1).fixed_match(3, 1).done(),
       "|refused: deflate: a distance reaches back beyond the first byte"},
      {BitWriter().begin_block(true, 1).fixed('a').fixed('b').fixed_match(3, 3).done(),
       "ab|refused: deflate: a distance reaches back beyond the first byte"},
      {BitWriter().stored(true, "a").bytes("b").done(),
       "a|refused: deflate: something follows the end of the stream"},
  };
  for (const auto& [bytes, why] : faults) {
    EXPECT_EQ(expand(bytes), why);
    if (why.find("follows") != why.npos) continue;
    // Again with so much behind it that the fast loop meets the fault.
    EXPECT_EQ(transcript({bytes + std::string(40, '\0')}, Frame::raw), why);
  }
}

TEST(Deflate, NeverReachesBackIntoTheStreamBefore) {
  DeflateDecoder decoder;
  const std::string first = BitWriter().stored(true, "secret").done();
  const std::string second = BitWriter().begin_block(true, 1).fixed('a').fixed_match(3, 2).done();
  std::string_view bytes = first;
  EXPECT_EQ(decoder.next(bytes), "secret");
  EXPECT_TRUE(decoder.done());
  decoder.reset();
  bytes = second;
  EXPECT_EQ(decoder.next(bytes), "a");
  EXPECT_THROW(decoder.next(bytes), ProtocolError);
  EXPECT_THROW(decoder.next(bytes), ProtocolError);  // and again
}

TEST(Deflate, LeavesWhatFollowsTheStream) {
  const std::string stream = BitWriter()
                                 .begin_block(true, 1)
                                 .fixed('a')
                                 .fixed(256)
                                 .bytes("rest of it, rather long")
                                 .done();
  testing::for_each_split(stream, [&](const auto& pieces, const std::string& cut) {
    DeflateDecoder decoder;
    std::string content;
    std::string rest;
    for (std::string_view bytes : pieces) {
      for (std::string_view piece; !(piece = decoder.next(bytes)).empty();) content += piece;
      rest += bytes;
    }
    EXPECT_EQ(content + "|" + rest, "a|rest of it, rather long") << cut;
  });
}

TEST(Deflate, CanBeMovedInTheMiddle) {
  const std::string stream = squeeze("hello world");
  std::string_view bytes = std::string_view(stream).substr(0, 9);
  Inflater first(Frame::raw);
  const std::string begin(first.next(bytes));
  Inflater second(std::move(first));
  bytes = std::string_view(stream).substr(9);
  EXPECT_EQ(begin + std::string(second.next(bytes)), "hello world");
}

// --- zlib ---

TEST(Zlib, ExpandsAndChecks) {
  // Python: zlib.compress(b"hello hello hello\n"), in bytes.
  const std::string stream("\x78\x9c\xcb\x48\xcd\xc9\xc9\x57\xc8\x40\x90\x5c\x00\x40\xb5\x06\x87",
                           17);
  EXPECT_EQ(expand(stream, Frame::zlib), "hello hello hello\n|whole");
  EXPECT_EQ(expand(stream, Frame::zlib_or_raw), "hello hello hello\n|whole");
  EXPECT_EQ(expand(stream.substr(2, 11), Frame::zlib_or_raw), "hello hello hello\n|whole");
  EXPECT_EQ(expand(stream + "x", Frame::zlib),
            "hello hello hello\n|refused: zlib: something follows the end of the stream");
  std::string wrong = stream;
  wrong.back() ^= 1;
  EXPECT_EQ(expand(wrong, Frame::zlib), "hello hello hello\n|refused: zlib: wrong checksum");
}

TEST(Zlib, RefusesAHeaderThatIsNone) {
  const std::string rest = zlib_of("hello").substr(2);
  EXPECT_EQ(expand("\x79\x9c" + rest, Frame::zlib),
            "|refused: zlib: compression method 9 is not 8 (deflate)");
  EXPECT_EQ(expand("\x78\x9d" + rest, Frame::zlib),
            "|refused: zlib: the header's check bits are wrong");
  EXPECT_EQ(expand("\x88\x1c" + rest, Frame::zlib), "|refused: zlib: a window of more than 32 KiB");
  EXPECT_EQ(expand("\x78\xbb" + rest, Frame::zlib),
            "|refused: zlib: the stream needs a preset dictionary");
}

TEST(Zlib, StoreIsReadBack) {
  for (const std::size_t size : {0, 1, 100, 65534, 65535, 65536, 131070, 200000}) {
    const std::string bytes = noise(size);
    const std::string stream = zlib_store(bytes);
    EXPECT_TRUE(inflate(stream, Frame::zlib) == bytes) << size;
    EXPECT_EQ(stream.size(), size + 11 + (size == 0 ? 0 : (size - 1) / 65535 * 5)) << size;
  }
  EXPECT_EQ(zlib_store("abc"), std::string("\x78\x01\x01\x03\0\xfc\xff"
                                           "abc\x02\x4d\x01\x27",
                                           14));
}

// --- gzip ---

TEST(Gzip, ExpandsAndChecks) {
  // printf 'hello hello hello\n' | gzip -n, in bytes.
  const std::string stream(
      "\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\x03\xcb\x48\xcd\xc9\xc9\x57\xc8\x40\x90\x5c\x00"
      "\x3b\x7c\x8a\xdf\x12\x00\x00\x00",
      29);
  EXPECT_EQ(expand(stream, Frame::gzip), "hello hello hello\n|whole");
  std::string wrong = stream;
  wrong[stream.size() - 8] ^= 1;
  EXPECT_EQ(expand(wrong, Frame::gzip), "hello hello hello\n|refused: gzip: wrong checksum");
  wrong = stream;
  wrong[stream.size() - 1] ^= 1;
  EXPECT_EQ(expand(wrong, Frame::gzip), "hello hello hello\n|refused: gzip: wrong length");
}

/// A gzip header with these fields, of which the CRC is right.
std::string gzip_header(unsigned flags) {
  std::string header = kGzipHeader;
  header[3] = static_cast<char>(flags);
  if (flags & 4) header += std::string("\x06\0ab\x02\0xy", 8);
  if (flags & 8) header += std::string("name.txt\0", 9);
  if (flags & 16) header += std::string("a comment\0", 10);
  if (flags & 2) {
    Crc32 crc;
    crc.update(header);
    header += testing::little_endian(crc.value()).substr(0, 2);
  }
  return header;
}

TEST(Gzip, SkipsEveryFieldThatAHeaderCanHave) {
  const std::string rest = squeeze("hello") + gzip_trailer("hello");
  for (unsigned flags = 0; flags < 32; ++flags) {
    EXPECT_EQ(expand(gzip_header(flags) + rest, Frame::gzip), "hello|whole") << flags;
  }
}

TEST(Gzip, RefusesAHeaderThatIsNone) {
  const std::string rest = squeeze("hello") + gzip_trailer("hello");
  const auto with = [&](std::size_t at, char byte) {
    std::string header = kGzipHeader;
    header[at] = byte;
    return header + rest;
  };
  EXPECT_EQ(expand(with(0, 'x'), Frame::gzip), "|refused: gzip: wrong first byte");
  EXPECT_EQ(expand(with(1, 'x'), Frame::gzip), "|refused: gzip: wrong second byte");
  EXPECT_EQ(expand(with(2, 7), Frame::gzip),
            "|refused: gzip: compression method 7 is not 8 (deflate)");
  for (const int flag : {0x20, 0x40, 0x80}) {
    EXPECT_EQ(expand(with(3, static_cast<char>(flag)), Frame::gzip),
              "|refused: gzip: a reserved flag is set");
  }
  for (unsigned flags = 2; flags < 32; flags = (flags + 1) | 2) {
    std::string header = gzip_header(flags);
    header.back() ^= 1;
    EXPECT_EQ(expand(header + rest, Frame::gzip), "|refused: gzip: the header's checksum is wrong");
  }
  // It is refused by its first byte, however long the rest takes.
  EXPECT_EQ(transcript({"<"}, Frame::gzip), "|refused: gzip: wrong first byte");
}

TEST(Gzip, JoinsSeveralMembers) {
  EXPECT_EQ(expand(gzip_of("one ") + gzip_of("") + gzip_of("two"), Frame::gzip), "one two|whole");
  // A member sees nothing of the one before.
  const std::string back = BitWriter().begin_block(true, 1).fixed_match(3, 1).done();
  EXPECT_EQ(expand(gzip_of("one ") + gzip_member(back, "   "), Frame::gzip),
            "one |refused: deflate: a distance reaches back beyond the first byte");
}

TEST(Gzip, ToleratesZerosAtTheEndAndNothingElse) {
  const std::string one = gzip_of("one");
  const std::string zeros(20, '\0');
  const char* const garbage = "one|refused: gzip: something follows the end of the stream";
  EXPECT_EQ(expand(one + zeros, Frame::gzip), "one|whole");
  EXPECT_EQ(expand(one + "x", Frame::gzip), garbage);
  EXPECT_EQ(expand(one + zeros + "x", Frame::gzip), garbage);
  EXPECT_EQ(expand(one + zeros + one, Frame::gzip), garbage);
  EXPECT_EQ(expand(one + "\x1f", Frame::gzip),
            "one|truncated: gzip: the stream ends inside its header");
}

// --- Truncated, corrupted, too large ---

TEST(Inflate, EveryShorterStreamIsTruncated) {
  const std::string content = "hello" + std::string(400, '\0') + "world" + noise(70);
  const std::string deflated = squeeze(content);
  const struct {
    Frame frame;
    std::string stream;
  } whole[] = {{Frame::raw, deflated},
               {Frame::zlib, zlib_of(content)},
               {Frame::gzip, gzip_header(31) + deflated + gzip_trailer(content)}};
  for (const auto& [frame, stream] : whole) {
    ASSERT_EQ(expand(stream, frame), content + "|whole");
    for (std::size_t size = 0; size < stream.size(); ++size) {
      const std::string text = transcript({std::string_view(stream).substr(0, size)}, frame);
      EXPECT_NE(text.find("|truncated: "), text.npos) << size << ": " << text;
      EXPECT_TRUE(content.starts_with(text.substr(0, text.find("|truncated: ")))) << size;
    }
  }
}

TEST(Inflate, SaysWhereATruncatedStreamEnds) {
  const std::string stream = gzip_of("hello");
  const auto cut = [&](std::size_t size) {
    return transcript({stream.substr(0, size)}, Frame::gzip);
  };
  EXPECT_EQ(cut(9), "|truncated: gzip: the stream ends inside its header");
  EXPECT_EQ(cut(10), "|truncated: gzip: the stream ends inside its compressed data");
  EXPECT_EQ(cut(stream.size() - 1), "hello|truncated: gzip: the stream ends inside its checksum");
  EXPECT_EQ(transcript({}, Frame::zlib_or_raw),
            "|truncated: deflate: the stream ends inside its header");
}

TEST(Inflate, AWrongBitIsAnErrorOrChangesNothing) {
  const std::string content = "hello" + std::string(400, '\0') + "world";
  BitWriter fixed;
  fixed.begin_block(true, 1);
  for (const char c : std::string_view("hello ")) fixed.fixed(static_cast<unsigned char>(c));
  fixed.fixed_match(10, 6).fixed(256);
  const struct {
    Frame frame;
    std::string stream;
    std::string content;
  } streams[] = {{Frame::zlib, zlib_of(content), content},
                 {Frame::gzip, gzip_header(31) + squeeze(content) + gzip_trailer(content), content},
                 {Frame::gzip, gzip_member(fixed.done(), "hello hello hell"), "hello hello hell"}};
  for (const auto& [frame, stream, right] : streams) {
    for (std::size_t bit = 0; bit < stream.size() * 8; ++bit) {
      std::string wrong = stream;
      wrong[bit / 8] = static_cast<char>(wrong[bit / 8] ^ 1 << bit % 8);
      const std::string text = transcript({wrong}, frame);
      if (text == right + "|whole") continue;
      EXPECT_EQ(text.find("|whole"), text.npos) << "bit " << bit;
      EXPECT_EQ(transcript(testing::Cut::into_bytes(wrong).pieces, frame), text) << "bit " << bit;
    }
  }
}

TEST(Inflate, LimitsTheExpandedSizeToTheByte) {
  ExpansionLimits limits;
  limits.expanded = 1000;
  const std::string fits(1000, '\0');
  const char* const message = "|too large: the expanded content is larger than 1000 bytes";
  EXPECT_TRUE(expand(gzip_of(fits), Frame::gzip, limits) == fits + "|whole");
  EXPECT_TRUE(expand(gzip_of(fits + "x"), Frame::gzip, limits) == fits + message);
  // Several members are one content.
  EXPECT_TRUE(expand(gzip_of(fits) + gzip_of("x"), Frame::gzip, limits) == fits + message);
  EXPECT_TRUE(expand(gzip_of(fits) + gzip_of(""), Frame::gzip, limits) == fits + "|whole");
  EXPECT_THROW(inflate(zlib_of(fits + "x"), Frame::zlib, limits), LimitExceeded);
}

TEST(Inflate, LimitsTheExpandedSizeTo64MiBUnlessToldOtherwise) {
  ExpansionLimits limits;
  limits.ratio = 2000;
  const std::string bomb = squeeze(std::string((64 << 20) + 1, '\0'));
  Inflater inflater(Frame::raw, limits);
  std::string_view bytes = bomb;
  std::size_t size = 0;
  try {
    for (std::string_view piece; !(piece = inflater.next(bytes)).empty();) size += piece.size();
    ADD_FAILURE() << "no limit";
  } catch (const LimitExceeded& error) {
    EXPECT_STREQ(error.what(), "the expanded content is larger than 67108864 bytes");
  }
  EXPECT_EQ(size, 64u << 20);
  EXPECT_THROW(inflater.next(bytes), LimitExceeded);
  EXPECT_THROW(inflater.finish(), LimitExceeded);
}

TEST(Inflate, LimitsTheRatioAboveAFloor) {
  const auto ended = [](std::size_t size, const ExpansionLimits& limits) {
    const std::string text = transcript({squeeze(std::string(size, '\0'))}, Frame::raw, limits);
    return text.substr(text.find('|'));
  };
  const char* const message =
      "|too large: the expanded content is more than 1000 times as large as what was sent";
  EXPECT_EQ(ended(1 << 20, {}), "|whole");
  EXPECT_EQ(ended(10 << 20, {}), message);
  ExpansionLimits limits;
  limits.ratio = 2000;
  EXPECT_EQ(ended(10 << 20, limits), "|whole");
  limits.ratio = 10;
  limits.ratio_floor = 100;
  EXPECT_EQ(ended(100, limits), "|whole");
  EXPECT_EQ(ended(10000, limits),
            "|too large: the expanded content is more than 10 times as large as what was sent");
}

TEST(Inflate, ExpandsAStreamThatIsMuchLargerThanItsMemory) {
  // 30 MB of a text whose period is no power of two, in matches and stored blocks.
  std::string period = noise(50021);
  BitWriter bits;
  std::size_t size = 0;
  for (int block = 0; block < 200; ++block) {
    bits.stored(false, period);
    size += period.size();
  }
  bits.stored(false, "").dynamic(true,
                                 [] {
                                   Lengths literals(286);
                                   literals[0] = literals[256] = 2;
                                   literals[285] = 1;
                                   return literals;
                                 }(),
                                 {0, 0, 0, 1});
  constexpr std::size_t kMatches = 80'000;
  for (std::size_t i = 0; i < kMatches; ++i) bits.number(0, 2);
  const std::string stream = bits.word(3, 2).done();
  Inflater inflater(Frame::raw, unlimited());
  std::string_view bytes = stream;
  std::size_t got = 0;
  bool same = true;
  const std::string tail = period.substr(period.size() - 4);
  for (std::string_view piece; !(piece = inflater.next(bytes)).empty();) {
    EXPECT_LE(piece.size(), 98304u);
    while (!piece.empty()) {
      const std::string_view source =
          got < size ? std::string_view(period).substr(got % period.size()) : tail;
      const std::string_view expected = got < size ? source : source.substr((got - size) % 4);
      const std::size_t n = std::min(piece.size(), expected.size());
      same = same && std::memcmp(piece.data(), expected.data(), n) == 0;
      got += n;
      piece.remove_prefix(n);
    }
  }
  inflater.finish();
  EXPECT_TRUE(same);
  EXPECT_EQ(got, size + kMatches * 258);
}

}  // namespace
}  // namespace simul::http
