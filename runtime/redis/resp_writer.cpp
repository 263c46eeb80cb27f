// RESP2, the half that writes: commands for a client, replies for an embedded server.
#include <charconv>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/http/uri.hpp"
#include "runtime/redis/resp.hpp"

namespace simul::redis {

namespace {

constexpr std::string_view kLineEnd = "\r\n";

void write_head(std::string& out, char sign, std::int64_t number) {
  char line[24];
  line[0] = sign;
  char* end = std::to_chars(line + 1, line + sizeof line - 2, number).ptr;
  *end++ = '\r';
  *end++ = '\n';
  out.append(line, end);
}

void write_line(std::string& out, char sign, std::string_view text) {
  if (text.find_first_of(kLineEnd) != text.npos) {
    throw std::invalid_argument("RESP: a status or an error is one line, not " + http::quote(text));
  }
  out += sign;
  out += text;
  out += kLineEnd;
}

template <class Words>
void write_words(std::string& out, const Words& words) {
  write_array(out, words.size());
  for (const auto& word : words) write_text(out, word);
}

}  // namespace

void write_command(std::string& out, std::span<const std::string_view> words) {
  write_words(out, words);
}
void write_command(std::string& out, std::span<const std::string> words) {
  write_words(out, words);
}
void write_command(std::string& out, std::initializer_list<std::string_view> words) {
  write_words(out, words);
}

void write_array(std::string& out, std::size_t count) {
  write_head(out, '*', static_cast<std::int64_t>(count));
}

void write_text(std::string& out, std::string_view bytes) {
  write_head(out, '$', static_cast<std::int64_t>(bytes.size()));
  out += bytes;
  out += kLineEnd;
}

void write_status(std::string& out, std::string_view text) {
  write_line(out, '+', text);
}
void write_error(std::string& out, std::string_view text) {
  write_line(out, '-', text);
}
void write_integer(std::string& out, std::int64_t number) {
  write_head(out, ':', number);
}
void write_nil(std::string& out, bool array) {
  out += array ? "*-1\r\n" : "$-1\r\n";
}

void write_reply(std::string& out, const Reply& reply) {
  struct Range {
    Reply::Array::const_iterator next, end;
  };
  std::vector<Range> open;
  for (const Reply* next = &reply;;) {
    switch (next->kind()) {
      case Reply::Kind::nil:
        write_nil(out);
        break;
      case Reply::Kind::status:
        write_status(out, next->as_text());
        break;
      case Reply::Kind::integer:
        write_integer(out, next->as_integer());
        break;
      case Reply::Kind::text:
        write_text(out, next->as_text());
        break;
      case Reply::Kind::error:
        write_error(out, next->as_error());
        break;
      case Reply::Kind::array:
        write_array(out, next->as_array().size());
        open.push_back({next->as_array().begin(), next->as_array().end()});
        break;
    }
    while (!open.empty() && open.back().next == open.back().end) open.pop_back();
    if (open.empty()) return;
    next = &*open.back().next++;
  }
}

}  // namespace simul::redis
