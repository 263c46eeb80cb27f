#include "runtime/task/stream.hpp"

#include <algorithm>
#include <optional>
#include <system_error>

#include "runtime/base/error.hpp"
#include "runtime/reactor/sleep.hpp"

namespace simul {

using detail::StreamCore;
using detail::StreamInput;

namespace {

/// The one who reads now.
class Reading {
 public:
  explicit Reading(StreamCore& core) : core_(core) {
    if (core.being_read) {
      throw std::logic_error(core.input.what() + ": another task reads from this stream already");
    }
    core.being_read = true;
  }
  ~Reading() { core_.being_read = false; }
  Reading(const Reading&) = delete;
  Reading& operator=(const Reading&) = delete;

 private:
  StreamCore& core_;
};

// Every read is this one: it receives until `enough(input)` says how many bytes to take. That is
// asked whenever something has come, and at the end, where it must say a number or throw.
template <class Enough>
Task<std::string> receive_until(Ref<StreamCore> core, Enough enough) {
  StreamInput& input = core->input;
  const Reading reading(*core);
  for (;;) {
    if (const std::optional<std::size_t> count = enough(input)) co_return input.take(*count);
    if (!input.receive()) {
      try {
        co_await core->socket.readable();
      } catch (const std::system_error& error) {  // it was closed: `receive` says so by name
        input.fail(error.code().value());
      }
      input.has_waited();
    } else if (input.should_yield()) {
      co_await Yield();
      input.has_waited();
    }
  }
}

[[noreturn]] void throw_incomplete(StreamInput& input, const std::string& wanted) {
  const std::string message = input.what() + ": the stream ended after " +
                              std::to_string(input.bytes().size()) + " bytes, not " + wanted;
  throw IncompleteRead(message, input.take(input.bytes().size()));
}

[[noreturn]] void throw_limit(const StreamInput& input, const std::string& wanted,
                              std::size_t limit) {
  throw LimitExceeded(input.what() + ": no " + wanted + " within the limit of " +
                      std::to_string(limit) + " bytes");
}

/// Looks for a delimiter, at each byte once: a peer that sends one byte at a time costs no more.
class Search {
 public:
  Search(std::string delimiter, std::size_t limit)
      : delimiter_(std::move(delimiter)), limit_(limit) {}

  const std::string& delimiter() const noexcept { return delimiter_; }

  /// How many bytes there are up to and with it, once it is there. Throws LimitExceeded.
  std::optional<std::size_t> find(const StreamInput& input, const char* name) {
    const std::string_view bytes = input.bytes();
    const std::size_t at = bytes.find(delimiter_, searched_);
    const std::size_t before = std::min(at, bytes.size());
    // If it has not come, its beginning may have: those bytes are not counted yet.
    const std::size_t pending = at == bytes.npos ? delimiter_.size() - 1 : 0;
    if (before > limit_ && before - limit_ > pending) throw_limit(input, name, limit_);
    if (at != bytes.npos) return at + delimiter_.size();
    searched_ = bytes.size() - std::min(bytes.size(), pending);
    return std::nullopt;
  }

 private:
  std::string delimiter_;
  std::size_t limit_;
  std::size_t searched_ = 0;
};

Task<> send_all_and_close(Ref<StreamCore> core) {
  if (!core->socket) co_return;
  core->output.finish(false);
  try {
    co_await Drain(core, 0, 0);
  } catch (const std::system_error&) {
    core->abort();
    throw;
  }
  core->close();
}

}  // namespace

Stream::Stream(Descriptor socket, const net::Address& peer, StreamOptions options)
    : core_(new StreamCore(std::move(socket), peer, options)) {}

Task<std::string> Stream::read(std::size_t max) {
  return receive_until(core_, [max](const StreamInput& input) -> std::optional<std::size_t> {
    const std::size_t count = std::min(input.bytes().size(), max);
    if (count > 0 || max == 0 || input.ended()) return count;
    return std::nullopt;
  });
}

Task<std::string> Stream::read_exactly(std::size_t count) {
  return receive_until(core_, [count](StreamInput& input) -> std::optional<std::size_t> {
    if (input.bytes().size() >= count) return count;
    if (input.ended()) throw_incomplete(input, std::to_string(count));
    return std::nullopt;
  });
}

Task<std::string> Stream::read_until(std::string delimiter, std::size_t limit) {
  if (delimiter.empty()) throw std::invalid_argument("read_until: the delimiter is empty");
  Search search(std::move(delimiter), limit);
  return receive_until(core_, [search](StreamInput& input) mutable {
    const std::optional<std::size_t> count = search.find(input, "delimiter");
    if (!count && input.ended()) throw_incomplete(input, "up to the delimiter");
    return count;
  });
}

Task<std::string> Stream::read_line(std::size_t limit) {
  Search search("\n", limit);
  return receive_until(core_, [search](const StreamInput& input) mutable {
    std::optional<std::size_t> count = search.find(input, "end of a line");
    if (!count && input.ended()) count = input.bytes().size();
    return count;
  });
}

Task<std::string> Stream::read_to_end(std::size_t limit) {
  return receive_until(core_, [limit](const StreamInput& input) -> std::optional<std::size_t> {
    const std::size_t count = input.bytes().size();
    if (count > limit) throw_limit(input, "end of the stream", limit);
    if (input.ended()) return count;
    return std::nullopt;
  });
}

Task<> Stream::close() {
  return send_all_and_close(core_);
}

}  // namespace simul
