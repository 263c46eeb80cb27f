// Opening a file below a directory, and nowhere else.
//
// A path from the outside may lead out of the directory by "..", by being absolute, or by a link
// that somebody has put there. To look at the path first and open it then would leave a moment in
// between; so the kernel is asked to open it in no other way: Linux's openat2 with RESOLVE_BENEATH,
// which follows links as long as they stay inside. Where there is no openat2, the path is walked
// directory by directory, and no link is followed at all.
//
// The other thing that is special about it: it may be asked not to wait. A name that the kernel
// has in memory is opened at once; for one that it would have to look up on a disk, it says EAGAIN,
// and the caller asks again on a thread that may wait.
#pragma once

#include <string>

#include "runtime/base/unique_fd.hpp"

namespace simul::web {

/// An open file, or the errno that says why not.
struct Opened {
  UniqueFd file;
  int error = 0;
};

enum class MayWait { no, yes };

/// Opens `path` below `directory` for reading. ENOENT, ENOTDIR and their like for what is not
/// there; EXDEV or ELOOP for a way out; with `MayWait::no`, EAGAIN if it cannot be told at once.
/// Any thread.
Opened open_beneath(int directory, const std::string& path, MayWait wait) noexcept;

/// The same without openat2. It may wait.
Opened open_beneath_by_walking(int directory, const std::string& path) noexcept;

}  // namespace simul::web
