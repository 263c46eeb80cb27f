// What the two HTTP fuzzers share: everything that a parser finds, as one text, and the property
// that this text does not depend on where the input was cut.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <string>
#include <string_view>

#include "runtime/http/message_parser.hpp"

namespace simul::fuzz {

inline void must(bool promise) {
  if (!promise) std::abort();
}

/// Feeds `text` in pieces of at most `piece_size` bytes, the first one of `first_size`; `describe`
/// gives a head's text, `reset` readies the parser for the next message.
template <class Parser, class Describe, class Reset>
std::string transcript(Parser& parser, std::string_view text, std::size_t first_size,
                       std::size_t piece_size, Describe describe, Reset reset) {
  std::string found;
  int messages = 0;
  auto feed = [&](std::string_view bytes) {
    for (;;) {
      const std::size_t before = bytes.size();
      const http::Event event = parser.next(bytes);
      must(bytes.size() <= before);
      if (event == http::Event::need_input) {
        must(bytes.empty());
        return true;
      }
      if (event == http::Event::head) found += "{" + describe() + "}";
      if (event == http::Event::body) {
        must(!parser.piece().empty());
        found += parser.piece();
      }
      if (event == http::Event::end) {
        found += "|" + std::to_string(parser.trailers().size()) + "|";
        // A parser that has ended takes nothing more.
        const std::size_t left = bytes.size();
        must(parser.next(bytes) == http::Event::end && bytes.size() == left);
        if (++messages == 20) return false;
        reset();
      }
    }
  };
  try {
    for (std::size_t at = 0, size = first_size; at < text.size(); at += size, size = piece_size) {
      size = std::min(size, text.size() - at);
      // In memory of its own, so that a byte read past the end is noticed.
      const auto copy = std::make_unique<char[]>(size);
      std::copy_n(text.data() + at, size, copy.get());
      if (!feed({copy.get(), size})) return found;
    }
    parser.end_of_stream();
    found += parser.idle() ? "(idle)" : "(end)";
  } catch (const http::TooLarge& error) {
    found += std::string("(too large: ") + error.what() + ")";
  } catch (const http::ProtocolError& error) {
    found += std::string("(refused: ") + error.what() + ")";
  }
  return found;
}

/// A line break or a NUL in a head would let it say something else when it is passed on.
inline void check_head(std::string_view start, const http::Headers& headers) {
  must(http::is_field_value(start));
  for (const auto [name, value] : headers) {
    must(http::is_token(name) && http::is_field_value(value));
    must(http::trim_whitespace(value) == value);
  }
}

inline http::Limits small_limits() {
  http::Limits limits;
  limits.start_line = 200;
  limits.header_bytes = 400;
  limits.header_fields = 8;
  limits.body = 300;
  limits.chunks = {.line = 40, .overhead = 60, .trailer_bytes = 60, .trailer_fields = 3};
  return limits;
}

/// Calls `parse(text, first_size, piece_size)` whole, byte by byte and cut at a place that the
/// input chooses, and insists on equal answers.
template <class Parse>
void check_splits(std::string_view text, Parse parse) {
  if (text.empty()) return;
  const std::string whole = parse(text, text.size(), text.size());
  must(parse(text, std::size_t{1}, std::size_t{1}) == whole);
  const std::size_t cut = 1 + static_cast<unsigned char>(text[0]) % text.size();
  must(parse(text, cut, text.size()) == whole);
  must(parse(text, std::size_t{1}, cut) == whole);
}

}  // namespace simul::fuzz
