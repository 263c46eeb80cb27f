// The lines that come out of a pipe, while whoever writes them goes on.
#pragma once

#include <unistd.h>

#include <cerrno>
#include <cstddef>
#include <optional>
#include <string>

#include "runtime/base/error.hpp"
#include "runtime/reactor/descriptor.hpp"
#include "runtime/task/task.hpp"

/// A reference to a pipe's end, which must outlive it. Thread: the reactor's.
class Lines {
 public:
  explicit Lines(simul::Descriptor& pipe) noexcept : pipe_(pipe) {}

  /// The next one, without its line end; nothing at the end of the stream, and half a line there is
  /// nothing, too: somebody was killed while he wrote. Throws std::system_error.
  simul::Task<std::optional<std::string>> next() {
    for (;;) {
      if (const std::size_t end = text_.find('\n'); end != text_.npos) {
        std::string line = text_.substr(0, end);
        text_.erase(0, end + 1);
        co_return line;
      }
      char bytes[4096];
      const ssize_t got = ::read(pipe_.fd(), bytes, sizeof bytes);
      if (got > 0) {
        text_.append(bytes, static_cast<std::size_t>(got));
      } else if (got == 0) {
        co_return std::nullopt;
      } else if (errno == EAGAIN) {
        co_await pipe_.readable();
      } else if (errno != EINTR) {
        simul::throw_errno("read from a pipe");
      }
    }
  }

 private:
  simul::Descriptor& pipe_;
  std::string text_;
};
