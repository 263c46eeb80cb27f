#include "runtime/redis/resp.hpp"

#include <algorithm>
#include <charconv>
#include <cstring>
#include <stdexcept>
#include <utility>

#include "runtime/base/error.hpp"
#include "runtime/http/uri.hpp"
#include "runtime/redis/error.hpp"

namespace simul::redis {

namespace {

constexpr std::string_view kLineEnd = "\r\n";

[[noreturn]] void throw_limit(const char* what, std::size_t got, std::size_t limit,
                              const char* unit) {
  throw LimitExceeded(std::string(what) + " of " + std::to_string(got) + unit +
                      " is more than the limit of " + std::to_string(limit));
}

// The whole of `text` as a number; `what` it is, for the message.
std::int64_t number_in(std::string_view text, const char* what) {
  std::string_view digits = text;
  if (digits.size() > 1 && digits[0] == '+' && digits[1] != '-') digits.remove_prefix(1);
  std::int64_t number = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), number);
  if (error != std::errc() || end != digits.data() + digits.size()) {
    throw ProtocolError("RESP: " + std::string(what) + " is a number of 64 bits, got " +
                        http::quote(text));
  }
  return number;
}

// A length on the wire: a number from 0, or -1, which stands for nil.
std::int64_t length_in(std::string_view text, const char* what) {
  const std::int64_t length = number_in(text, what);
  if (length < -1) {
    throw ProtocolError("RESP: " + std::string(what) + " is -1 or more, got " +
                        std::to_string(length));
  }
  return length;
}

}  // namespace

// --- Reading -------------------------------------------------------------------------------------

ReplyReader::ReplyReader(const ReplyLimits& limits, ReadAs what) : limits_(limits), what_(what) {
  if (limits.depth > ReplyLimits::kMostDepth) {
    throw std::invalid_argument("ReplyLimits: a depth of " + std::to_string(limits.depth) +
                                " is more than " + std::to_string(ReplyLimits::kMostDepth));
  }
}

std::size_t ReplyReader::feed(std::string_view bytes) {
  if (broken_ != nullptr) std::rethrow_exception(broken_);
  try {
    std::size_t used = 0;
    while (!ready_ && used < bytes.size()) {
      const std::string_view rest = bytes.substr(used);
      used += state_ == State::line ? feed_line(rest) : feed_text(rest);
    }
    return used;
  } catch (const std::exception&) {
    broken_ = std::current_exception();
    throw;
  }
}

Reply ReplyReader::take() noexcept {
  ready_ = false;
  return std::exchange(reply_, Reply());
}

bool ReplyReader::idle() const noexcept {
  return !ready_ && state_ == State::line && line_.empty() && open_.empty();
}

std::size_t ReplyReader::feed_line(std::string_view bytes) {
  // No more of it is looked at than a line may have: the sign, and the end of the line.
  const std::size_t room = limits_.line + 1 + kLineEnd.size() - line_.size();
  const auto* end =
      static_cast<const char*>(std::memchr(bytes.data(), '\n', std::min(bytes.size(), room)));
  if (end == nullptr) {
    if (bytes.size() >= room) {
      throw LimitExceeded("RESP: a line is longer than the limit of " +
                          std::to_string(limits_.line) + " bytes");
    }
    line_ += bytes;
    return bytes.size();
  }
  const std::size_t used = static_cast<std::size_t>(end - bytes.data()) + 1;
  if (line_.empty()) {  // as nearly always: it is read where it lies
    read_line(bytes.substr(0, used - 1));
  } else {
    line_ += bytes.substr(0, used - 1);
    std::string line = std::exchange(line_, {});
    read_line(line);
  }
  return used;
}

void ReplyReader::read_line(std::string_view line) {
  const char sign = line.empty() ? '\0' : line[0];
  if (what_ == ReadAs::requests && open_.empty() && sign != '*') return read_inline(line);
  if (line.empty() || line.back() != '\r') {
    throw ProtocolError("RESP: a line ends with CR and LF, got " + http::quote(line));
  }
  const std::string_view rest = line.substr(1, line.size() - (line.size() > 1 ? 2 : 1));
  switch (sign) {
    case '+':
      charge(rest.size());
      return add(Reply::status(std::string(rest)));
    case '-':
      charge(rest.size());
      return add(Reply::error(std::string(rest)));
    case ':':
      return add(Reply::integer(number_in(rest, "an integer")));
    case '$':
      return begin_text(rest);
    case '*':
      return begin_array(rest);
    default:
      throw ProtocolError("RESP: a reply begins with one of + - : $ *, got " + http::quote(line));
  }
}

// Words between spaces; an empty line is nothing, as telnet sends it for fun.
void ReplyReader::read_inline(std::string_view line) {
  if (!line.empty() && line.back() == '\r') line.remove_suffix(1);
  Reply::Array words;
  for (std::size_t from = 0; (from = line.find_first_not_of(" \t", from)) != line.npos;) {
    const std::size_t end = std::min(line.find_first_of(" \t", from), line.size());
    words.push_back(Reply::text(std::string(line.substr(from, end - from))));
    charge(sizeof(Reply) + end - from);
    from = end;
  }
  if (!words.empty()) add(Reply::array(std::move(words)));
}

void ReplyReader::begin_text(std::string_view length) {
  const std::int64_t size = length_in(length, "the length of a text");
  if (size < 0) return add(Reply());
  const auto bytes = static_cast<std::size_t>(size);
  if (bytes > limits_.bulk) throw_limit("RESP: a text", bytes, limits_.bulk, " bytes");
  charge(bytes);
  missing_ = bytes + kLineEnd.size();
  state_ = State::text;
}

std::size_t ReplyReader::feed_text(std::string_view bytes) {
  const std::size_t used = std::min(missing_, bytes.size());
  const bool whole = used == missing_;
  if (whole && missing_ >= kLineEnd.size() && text_.empty()) {  // all of it in this piece
    if (bytes.substr(used - 2, 2) != kLineEnd) {
      throw ProtocolError("RESP: no CR and LF after a text");
    }
    state_ = State::line;
    add(Reply::text(std::string(bytes.substr(0, used - 2))));
    return used;
  }
  text_ += bytes.substr(0, used);
  missing_ -= used;
  if (!whole) return used;
  if (!text_.ends_with(kLineEnd)) throw ProtocolError("RESP: no CR and LF after a text");
  text_.resize(text_.size() - kLineEnd.size());
  state_ = State::line;
  add(Reply::text(std::exchange(text_, {})));
  return used;
}

void ReplyReader::begin_array(std::string_view length) {
  const std::int64_t size = length_in(length, "the length of an array");
  if (size < 0) return add(Reply());
  const auto items = static_cast<std::size_t>(size);
  if (items > limits_.array) throw_limit("RESP: an array", items, limits_.array, " items");
  if (open_.size() == limits_.depth) {
    throw LimitExceeded("RESP: arrays are nested more than " + std::to_string(limits_.depth) +
                        " deep");
  }
  if (items == 0) return add(Reply::array({}));
  charge(sizeof(Open));
  open_.push_back({{}, items});
  // A few at once; more of them when they come.
  open_.back().items.reserve(std::min<std::size_t>(items, 4));
}

// A whole reply: the last item of an array makes that one whole in turn.
void ReplyReader::add(Reply reply) {
  while (!open_.empty()) {
    charge(sizeof(Reply));
    Open& array = open_.back();
    array.items.push_back(std::move(reply));
    if (--array.left > 0) return;
    reply = Reply::array(std::move(array.items));
    open_.pop_back();
  }
  reply_ = std::move(reply);
  ready_ = true;
  cost_ = 0;
}

// The length of a text counts as soon as it is announced: it would only be refused later.
void ReplyReader::charge(std::size_t bytes) {
  cost_ += bytes;
  if (cost_ > limits_.total) throw_limit("RESP: a reply", cost_, limits_.total, " bytes");
}

}  // namespace simul::redis
