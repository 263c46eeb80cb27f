// Strings: most have no escape and are taken in one piece.
#include <string_view>

#include "runtime/json/plain_text.hpp"
#include "runtime/json/scalars.hpp"

namespace simul::json {
namespace {

// Why a string does not go on at `at`, where neither a quotation mark nor a backslash stands.
const char* refusal(const char* at, const char* end) {
  if (at == end) return "the string does not end";
  if (static_cast<unsigned char>(*at) < 0x20)
    return "a control character in a string must be written as an escape";
  return "the string is not UTF-8 here";
}

// Four hexadecimal digits, or -1.
int read_hex(const char* at, const char* end) {
  if (end - at < 4) return -1;
  int code = 0;
  for (int i = 0; i < 4; ++i) {
    const char c = at[i];
    const int letter = (c | 0x20) - 'a' + 10;
    if (c >= '0' && c <= '9')
      code = code << 4 | (c - '0');
    else if (letter >= 10 && letter <= 15)
      code = code << 4 | letter;
    else
      return -1;
  }
  return code;
}

// `at` stands on the backslash of \uXXXX. Characters beyond U+FFFF are written as two of them.
const char* read_unicode(const char*& at, const char* end, std::string& text) {
  constexpr const char* kNoHex = "\\u needs four hexadecimal digits";
  constexpr const char* kHalf = "half of a surrogate pair";
  const int code = read_hex(at + 2, end);
  if (code < 0) return kNoHex;
  if (code < 0xD800 || code > 0xDFFF) {
    at += 6;
    append_utf8(text, static_cast<unsigned>(code));
    return nullptr;
  }
  if (code > 0xDBFF || end - at < 8 || at[6] != '\\' || at[7] != 'u') return kHalf;
  const int low = read_hex(at + 8, end);
  if (low < 0xDC00 || low > 0xDFFF) return kHalf;
  at += 12;
  append_utf8(text, 0x10000u + (static_cast<unsigned>(code & 0x3FF) << 10 | (low & 0x3FF)));
  return nullptr;
}

// `at` stands on a backslash.
const char* read_escape(const char*& at, const char* end, std::string& text) {
  constexpr std::string_view kNames = "\"\\/bfnrt";
  constexpr std::string_view kMeanings = "\"\\/\b\f\n\r\t";
  if (end - at < 2) return "the string does not end";
  if (at[1] == 'u') return read_unicode(at, end, text);
  const auto which = kNames.find(at[1]);
  if (which == kNames.npos) return "there is no such escape";
  text += kMeanings[which];
  at += 2;
  return nullptr;
}

}  // namespace

const char* read_string(const char*& at, const char* end, std::string& text) {
  const char* piece = ++at;
  at = skip_text(at, end);
  text = std::string(piece, at);
  for (;;) {
    if (at == end) return refusal(at, end);
    if (*at == '"') {
      ++at;
      return nullptr;
    }
    if (*at != '\\') return refusal(at, end);
    if (const char* wrong = read_escape(at, end, text)) return wrong;
    piece = at;
    at = skip_text(at, end);
    text.append(piece, at);
  }
}

}  // namespace simul::json
