#include "runtime/web/open_beneath.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <string_view>

#if __has_include(<linux/openat2.h>)
#include <linux/openat2.h>
#include <sys/syscall.h>
#endif

namespace simul::web {
namespace {

// O_NONBLOCK: a FIFO that lies there must not hold us up. It has no effect on a file.
constexpr int kFlags = O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY;

Opened failed(int error) noexcept {
  return {UniqueFd(), error};
}

}  // namespace

Opened open_beneath(int directory, const std::string& path, MayWait wait) noexcept {
  if (path.size() != std::strlen(path.c_str())) return failed(ENOENT);  // a NUL inside
#if defined(SYS_openat2) && defined(RESOLVE_CACHED)
  open_how how{};
  how.flags = kFlags;
  how.resolve = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS;
  if (wait == MayWait::no) how.resolve |= RESOLVE_CACHED;
  for (;;) {
    const long fd = ::syscall(SYS_openat2, directory, path.c_str(), &how, sizeof how);
    if (fd >= 0) return {UniqueFd(static_cast<int>(fd)), 0};
    if (errno == EINTR) continue;
    // With leave to wait, EAGAIN means that something was renamed under its feet.
    if (errno == EAGAIN && wait == MayWait::yes) continue;
    // An older kernel knows neither the call (ENOSYS, or EPERM in a sandbox) nor perhaps the flag.
    if (errno != ENOSYS && errno != EPERM && errno != EINVAL) return failed(errno);
    break;
  }
#endif
  if (wait == MayWait::no) return failed(EAGAIN);
  return open_beneath_by_walking(directory, path);
}

Opened open_beneath_by_walking(int directory, const std::string& path) noexcept {
  if (path.size() != std::strlen(path.c_str())) return failed(ENOENT);
  if (path.empty()) return failed(ENOENT);
  if (path[0] == '/') return failed(EXDEV);
  UniqueFd here;
  for (std::string_view rest = path; !rest.empty();) {
    const std::string_view step = rest.substr(0, rest.find('/'));
    rest.remove_prefix(step.size());
    const bool last = rest.empty();
    while (rest.starts_with('/')) rest.remove_prefix(1);
    if (step == ".") {
      if (last && !here) return failed(EISDIR);
      continue;
    }
    if (step == "..") return failed(EXDEV);
    char name[256];
    if (step.size() >= sizeof name) return failed(ENAMETOOLONG);
    std::memcpy(name, step.data(), step.size());
    name[step.size()] = '\0';
    const int flags = kFlags | O_NOFOLLOW | (last ? 0 : O_DIRECTORY);
    const int from = here ? here.get() : directory;
    int fd;
    do fd = ::openat(from, name, flags);
    while (fd < 0 && errno == EINTR);
    if (fd < 0) return failed(errno);
    here.reset(fd);
  }
  return {std::move(here), 0};
}

}  // namespace simul::web
