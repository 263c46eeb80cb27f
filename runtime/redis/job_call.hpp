// What a job is to do: a function by its name, and arguments that JSON can hold.
//
// In Redis that is a text, `["mymodule.count_words_at_url", null, ["http://nvie.com"], {}]`, as
// RQ's JSONSerializer writes it, inside a zlib stream. (The second item is the object of a method,
// which JSON cannot hold.) We write the stream without compressing: every reader of zlib reads
// it.
//
// RQ's default serializer is pickle, Python's own format, which can name any code to be run when it
// is read. It is not read here: a pickled call is an error that says so. Nothing in Redis tells the
// two apart but the bytes, so whoever enqueues for these workers says
// `Queue(..., serializer=JSONSerializer)`.
#pragma once

#include <concepts>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>

#include "runtime/json/json.hpp"

namespace simul::redis {

/// The bytes of a job are not a call that this program can read. The message says what they are.
/// (rq.exceptions.DeserializationError)
class UnreadableJob : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// A function and what it is called with.
struct JobCall {
  std::string function;  ///< a dotted name, as Python would import it: "mymodule.count_words"
  json::Array args{};
  json::Object kwargs{};

  /// The function with these arguments: `JobCall::of("mymodule.add", 2, 3)`.
  template <std::convertible_to<json::Value>... A>
  static JobCall of(std::string function, A&&... arguments) {
    JobCall call{std::move(function)};
    call.args.reserve(sizeof...(A));
    (call.args.emplace_back(std::forward<A>(arguments)), ...);
    return call;
  }

  /// As RQ's JSON serializer writes it. Throws json::InvalidValue if an argument has no text.
  std::string to_json() const;

  /// The reverse. Throws UnreadableJob.
  static JobCall from_json(std::string_view text);

  /// The call as Python would write it: `mymodule.count_words('http://nvie.com', limit=3)`. Each
  /// argument is cut at 75 characters. This is what a job without a description of its own is
  /// called in logs. (rq.utils.get_call_string)
  std::string text() const;
};

/// A value as Python's repr() writes it: 'text', None, True, [1, 2.0], {'a': 1}.
std::string python_repr(const json::Value& value);

/// Bytes in a zlib stream, and back. `unpack` returns what is no zlib stream as it is, for writers
/// may leave out the compression (rq.job.Job.restore). Throws UnreadableJob beyond 64 MiB.
std::string pack(std::string_view bytes);
std::string unpack(std::string_view bytes);

}  // namespace simul::redis
