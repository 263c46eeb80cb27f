#include "runtime/web/file_reader.hpp"

#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <string>
#include <utility>

#include "runtime/base/error.hpp"
#include "runtime/task/to_thread.hpp"

namespace simul::web {

struct FileReader::State {
  UniqueFd file;
  std::uint64_t offset;
  std::uint64_t left;
  std::string name;
  std::unique_ptr<char[]> buffer;

  iovec place() const {
    return {buffer.get(), static_cast<std::size_t>(std::min<std::uint64_t>(left, kPiece))};
  }
};

namespace {

// The bytes that can be had at once; -1 and EAGAIN if there are none.
ssize_t read_at_once([[maybe_unused]] int fd, [[maybe_unused]] const iovec& place,
                     [[maybe_unused]] off_t offset) {
#ifdef RWF_NOWAIT
  const ssize_t count = ::preadv2(fd, &place, 1, offset, RWF_NOWAIT);
  if (count >= 0 || (errno != EOPNOTSUPP && errno != ENOSYS && errno != EINTR)) return count;
#endif
  errno = EAGAIN;
  return -1;
}

}  // namespace

FileReader::FileReader(UniqueFd file, std::uint64_t offset, std::uint64_t count,
                       std::string_view name)
    : state_(std::make_shared<State>()) {
  state_->file = std::move(file);
  state_->offset = offset;
  state_->left = count;
  state_->name = name;
  state_->buffer.reset(
      new char[std::min<std::uint64_t>(std::max<std::uint64_t>(count, 1), kPiece)]);
}

Task<std::string_view> FileReader::read() {
  const std::shared_ptr<State> state = state_;
  if (state->left == 0) co_return std::string_view();
  const iovec place = state->place();
  const auto offset = static_cast<off_t>(state->offset);
  ssize_t count = read_at_once(state->file.get(), place, offset);
  if (count < 0 && errno == EAGAIN) {
    auto waiting_read = [state, place, offset]() -> ssize_t {
      ssize_t got;
      do got = ::preadv(state->file.get(), &place, 1, offset);
      while (got < 0 && errno == EINTR);
      return got < 0 ? -errno : got;
    };
    count = co_await to_thread(std::move(waiting_read));
    if (count < 0) throw_errno("read " + state->name, static_cast<int>(-count));
  }
  if (count < 0) throw_errno("read " + state->name);
  if (count == 0) throw_errno("read " + state->name + ": it has become shorter", EIO);
  state->offset += static_cast<std::uint64_t>(count);
  state->left -= static_cast<std::uint64_t>(count);
  co_return std::string_view(state->buffer.get(), static_cast<std::size_t>(count));
}

}  // namespace simul::web
