// Reading a file without holding up the loop.
//
// No poller watches a file: a read of one that is not in memory simply stops the thread until the
// disk has answered. So each read is tried on the condition that it can be had at once (preadv2
// with RWF_NOWAIT); most files that a server sends are in the kernel's memory, and a turn through
// another thread would cost more than the copy. Where that fails, or is not known, the read is made
// on a thread of the pool.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string_view>

#include "runtime/base/unique_fd.hpp"
#include "runtime/task/task.hpp"

namespace simul::web {

/// Thread: the reactor's. One reader at a time.
class FileReader {
 public:
  /// The most that one read gives.
  static constexpr std::size_t kPiece = 64 * 1024;

  /// From `offset`, `count` bytes. `name` is for messages.
  FileReader(UniqueFd file, std::uint64_t offset, std::uint64_t count, std::string_view name);

  /// The next bytes, good until the next call; empty at the end. Throws std::system_error, also
  /// (EIO) if the file has become shorter meanwhile.
  Task<std::string_view> read();

 private:
  struct State;
  std::shared_ptr<State> state_;  // a thread that is at it keeps it, should we be cancelled
};

}  // namespace simul::web
