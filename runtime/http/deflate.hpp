// The inside of gzip and zlib: compressed blocks back into bytes, as RFC 1951 has them.
//
//        +-- 3 bits --+         stored    length, its complement, bytes
//   o--> | last? kind | ------> fixed     symbols in a code that everybody knows     ---+
//        +------------+         dynamic   two codes, then symbols in them               |
//              ^                                                                        |
//              +-------------------- unless it was the last block ----------------------+
//
// A symbol is a literal byte, the block's end, or a length; behind a length comes a distance: so
// many bytes, from so far back in what has been put out. Distances reach back 32 KiB, so that much
// is kept (the window), with room for new output behind it in the same buffer:
//
//   buffer   [.......window.......|####### new output #######|......room......|slack]
//
// When there is no more room, the last 32 KiB move to the front. The invariants: nothing is read in
// front of the first byte put out and nothing written behind the buffer, whatever the stream says;
// and what comes out, an error included, does not depend on how the input was cut.
//
// No frame, no checksum and no limit on how much comes out: that is inflate.hpp.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string_view>

#include "runtime/http/bit_reader.hpp"

namespace simul::http {

/// Decodes one deflate stream. Holds about 110 KiB, from the first byte of input on.
class DeflateDecoder {
 public:
  DeflateDecoder() noexcept;
  DeflateDecoder(DeflateDecoder&&) noexcept;
  DeflateDecoder& operator=(DeflateDecoder&&) noexcept;
  ~DeflateDecoder();

  /// Takes bytes from the front of `input` and returns the next piece of output, at most 96 KiB
  /// and good until the next call. It is empty when `input` is used up or the stream is over; then
  /// `input` begins with the byte after the stream. Throws `ProtocolError` if this is no deflate
  /// stream; everything before the fault has been returned by then. Every later call throws the
  /// same.
  std::string_view next(std::string_view& input);

  /// Has the last block ended?
  bool done() const noexcept { return step_ == Step::done; }

  /// Ready for another stream, which sees nothing of this one. Keeps the memory.
  void reset() noexcept;

 private:
  struct Memory;
  enum class Step {
    block,         // the three bits that a block begins with
    stored_size,   // of a stored block
    stored,        // its bytes
    counts,        // of a dynamic block: how many lengths there are
    length_code,   // the code in which they are written
    code_lengths,  // they
    symbols,
    done,
    failed,
  };

  bool advance(std::string_view& input);
  bool begin_block(std::string_view& input);
  bool read_stored_size(std::string_view& input);
  bool copy_stored(std::string_view& input);
  bool read_counts(std::string_view& input);
  bool read_length_code(std::string_view& input);
  bool read_code_lengths(std::string_view& input);
  bool decode_symbols(std::string_view& input);
  void decode_fast(std::string_view& input);
  bool decode_one(std::string_view& input);
  void end_block() noexcept;
  void fail(const char* why) noexcept;

  Step step_ = Step::block;
  bool last_block_ = false;
  BitReader reader_;
  std::size_t out_ = 0;  // where in the buffer the next byte goes
  std::uint32_t stored_left_ = 0;
  unsigned literal_count_ = 0;
  unsigned distance_count_ = 0;
  unsigned length_code_count_ = 0;
  unsigned lengths_read_ = 0;
  const char* why_ = nullptr;  // what is wrong with the stream
  std::unique_ptr<Memory> memory_;
};

}  // namespace simul::http
