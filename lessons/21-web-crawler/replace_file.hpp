// A file that is replaced as a whole: who reads it finds the old content or the new, never half.
//
//     FILE.new   written, and brought to the disk (fsync)
//     FILE       takes its place in one step (rename)
//
// A program that is killed in between leaves the old file, and perhaps a FILE.new that nobody
// reads. These calls wait for a disk, so a task makes them on another thread (`to_thread`).
#pragma once

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <string>
#include <string_view>

#include "runtime/base/error.hpp"
#include "runtime/base/unique_fd.hpp"

namespace simul::crawl {

/// Replaces `path`, which need not exist. Throws std::system_error, and then `path` is as it was.
inline void replace_file(const std::string& path, std::string_view content) {
  const std::string fresh = path + ".new";
  const auto fail = [&](const char* what) {
    const int why = errno;
    ::unlink(fresh.c_str());
    throw_errno(what + (" " + path), why);
  };
  UniqueFd file(::open(fresh.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666));
  if (!file) throw_errno("write " + fresh);
  while (!content.empty()) {
    const ssize_t written = ::write(file.get(), content.data(), content.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) fail("write");
    content.remove_prefix(static_cast<std::size_t>(written));
  }
  if (::fsync(file.get()) != 0) fail("write");
  file.reset();
  if (::rename(fresh.c_str(), path.c_str()) != 0) fail("replace");
}

/// All of a file. Throws std::system_error; `limit` bytes at most, else LimitExceeded.
inline std::string whole_file(const std::string& path, std::size_t limit = 256 << 20) {
  const UniqueFd file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!file) throw_errno("read " + path);
  std::string content;
  char buffer[65536];
  for (;;) {
    const ssize_t got = ::read(file.get(), buffer, sizeof buffer);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) throw_errno("read " + path);
    if (got == 0) return content;
    content.append(buffer, static_cast<std::size_t>(got));
    if (content.size() > limit) {
      throw LimitExceeded("read " + path + ": more than " + std::to_string(limit) + " bytes");
    }
  }
}

}  // namespace simul::crawl
