// A reply: what a Redis server says, as a value.
//
//     Reply reply = co_await client.call("HGET", "rq:job:1", "status");
//     if (reply.is_nil()) ...                       // no such field
//     const std::string& status = reply.as_text();  // or UnexpectedReply, which says what is there
//
// RESP2 has six kinds: nothing (nil), a status ("OK"), an integer, a text (any bytes, called a bulk
// string there), an error, and an array of replies, which may be arrays. The invariant: a reply is
// of one kind, and asking it for another is an error that names both; nothing is converted behind
// the reader's back.
//
// Requests are arrays of texts, so an embedded server reads its requests as Replies, too. How they
// look on the wire is in resp.hpp.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

namespace simul::redis {

/// A value: copied, compared, moved. Any thread.
class Reply {
 public:
  enum class Kind : std::uint8_t { nil, status, integer, text, error, array };
  using Array = std::vector<Reply>;

  /// Nil.
  Reply() noexcept = default;
  static Reply nil() noexcept { return {}; }
  static Reply status(std::string text) { return {Kind::status, std::move(text)}; }
  static Reply integer(std::int64_t number) { return {Kind::integer, number}; }
  static Reply text(std::string bytes) { return {Kind::text, std::move(bytes)}; }
  static Reply error(std::string text) { return {Kind::error, std::move(text)}; }
  static Reply array(Array items) { return {Kind::array, std::move(items)}; }

  Reply(const Reply&) = default;
  Reply(Reply&& other) noexcept
      : kind_(std::exchange(other.kind_, Kind::nil)), content_(std::move(other.content_)) {}
  Reply& operator=(const Reply& other) { return *this = Reply(other); }
  Reply& operator=(Reply&& other) noexcept {
    std::swap(kind_, other.kind_);
    content_.swap(other.content_);
    return *this;
  }
  /// Takes an array inside an array inside an array apart without calling itself.
  ~Reply() {
    if (kind_ == Kind::array) destroy_items();
  }

  Kind kind() const noexcept { return kind_; }
  bool is_nil() const noexcept { return kind_ == Kind::nil; }
  bool is_status() const noexcept { return kind_ == Kind::status; }
  bool is_integer() const noexcept { return kind_ == Kind::integer; }
  bool is_text() const noexcept { return kind_ == Kind::text; }
  bool is_error() const noexcept { return kind_ == Kind::error; }
  bool is_array() const noexcept { return kind_ == Kind::array; }

  /// Is it the status "OK"?
  bool is_ok() const noexcept;

  // --- What it says. All throw UnexpectedReply if it is of another kind: "expected an integer, got
  // nil". A reference is good as long as the reply is there. ------------------------------------

  std::int64_t as_integer() const;
  /// Of a text or a status: commands differ in which one they use for a plain word.
  const std::string& as_text() const&;
  std::string as_text() &&;
  const Array& as_array() const&;
  Array as_array() &&;
  /// What the server said went wrong, whole.
  const std::string& as_error() const;
  /// An integer other than 0, or the status OK.
  bool as_bool() const;

  /// The text, or nothing if it is nil: of GET, HGET, LPOP.
  std::optional<std::string> text_or_nil() const&;
  std::optional<std::string> text_or_nil() &&;

  /// An array of texts: of SMEMBERS, LRANGE, KEYS.
  std::vector<std::string> texts() const;

  /// An array of texts in twos, as names and values in the order in which they came: of HGETALL,
  /// CONFIG GET, ZRANGE WITHSCORES.
  std::vector<std::pair<std::string, std::string>> pairs() const;

  /// How many items an array has; 0 if it is nil, which is how Redis says "no such array" (a BLPOP
  /// that ran out of time).
  std::size_t size() const;

  /// An item of an array. UnexpectedReply, too, if it has not that many.
  const Reply& operator[](std::size_t index) const;

  /// For messages: `nil`, `the integer 5`, `the text "abc"`, `an array of 3`.
  std::string describe() const;

  friend bool operator==(const Reply& a, const Reply& b) {
    return a.kind_ == b.kind_ && (a.is_nil() || a.content_ == b.content_);
  }

 private:
  template <class Content>
  Reply(Kind kind, Content content) : kind_(kind), content_(std::move(content)) {}

  [[noreturn]] void throw_instead_of(std::string_view expected) const;
  void destroy_items() noexcept;

  Kind kind_ = Kind::nil;
  std::variant<std::monostate, std::int64_t, std::string, Array> content_;
};

}  // namespace simul::redis
