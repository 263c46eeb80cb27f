// Why there is no stand-in for reading a file: what poll says of one, and how long a read takes.
//
// A pipe or a socket is readable when somebody has sent something. A regular file is readable,
// always: nothing has to happen elsewhere before a read may begin. That the bytes lie on a disk is
// the kernel's affair, and the thread that reads stands still until they are here. O_NONBLOCK
// changes nothing about it. epoll does not even take a file onto its list (EPERM), and our loop
// says of such a one what poll would have said.
//
// So this reads a large file, first in the loop and then on a thread, beside a heart. Before each
// time it asks the kernel to forget what it has in memory of the file; where that cannot be, as
// when the folder is one in memory, it is the copying that takes the time.
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstddef>
#include <filesystem>
#include <string>
#include <vector>

#include "lessons/common/lesson.hpp"
#include "runtime/base/clock.hpp"
#include "runtime/base/error.hpp"
#include "runtime/base/stopwatch.hpp"
#include "runtime/base/unique_fd.hpp"
#include "runtime/reactor/descriptor.hpp"
#include "runtime/reactor/sleep.hpp"
#include "runtime/task/create_task.hpp"
#include "runtime/task/run.hpp"
#include "runtime/task/task.hpp"
#include "runtime/task/to_thread.hpp"

using namespace std::chrono_literals;
using namespace simul;

// ---- The file ----

// Has no name any more when it is there: it is gone when it is closed.
UniqueFd file_of(std::size_t bytes) {
  std::string path = (std::filesystem::temp_directory_path() / "simul.XXXXXX").string();
  UniqueFd file(::mkstemp(path.data()));
  if (!file) throw_errno("make " + path);
  ::unlink(path.c_str());
  const std::vector<char> block(std::size_t{1} << 20, 'x');
  for (std::size_t written = 0; written < bytes;) {
    const ssize_t count =
        ::write(file.get(), block.data(), std::min(block.size(), bytes - written));
    if (count < 0) throw_errno("write " + path);
    written += static_cast<std::size_t>(count);
  }
  ::fcntl(file.get(), F_SETFL, O_NONBLOCK);  // which says nothing to a file
  return file;
}

void forget(int file) {
  ::fsync(file);
#if defined(POSIX_FADV_DONTNEED)
  ::posix_fadvise(file, 0, 0, POSIX_FADV_DONTNEED);
#endif
  ::lseek(file, 0, SEEK_SET);
}

std::size_t read_all(int file) {
  std::vector<char> buffer(std::size_t{1} << 20);
  std::size_t total = 0;
  while (const ssize_t count = check(::read(file, buffer.data(), buffer.size()), "read the file"))
    total += static_cast<std::size_t>(count);
  return total;
}

// ---- The heart: main.cpp's ----

struct Heart {
  TimePoint last = Clock::now();
  Duration largest_gap{0};
};

Task<> beat(Heart& heart) {
  while (true) {
    co_await sleep(5ms);
    const TimePoint now = Clock::now();
    heart.largest_gap = std::max(heart.largest_gap, now - heart.last);
    heart.last = now;
  }
}

// ---- The example ----

Task<std::size_t> in_the_loop(int file) {
  co_return read_all(file);
}

Task<std::size_t> on_a_thread(int file) {
  co_return co_await to_thread(read_all, file);
}

Task<> read_beside_a_heart(std::string where, Heart& heart, Task<std::size_t> reading) {
  heart = Heart();
  const std::size_t bytes = co_await std::move(reading);
  co_await sleep(10ms);
  say(where, ": ", bytes >> 20,
      " MiB; the heart's largest gap: ", std::lround(to_seconds(heart.largest_gap) * 1000), " ms");
}

Task<> async_main(Heart& heart, std::size_t bytes) {
  const UniqueFd file = file_of(bytes);
  pollfd entry{file.get(), POLLIN, 0};
  const bool readable = ::poll(&entry, 1, 0) == 1;
  say("poll says: ", readable ? "readable" : "not readable", ", at once");
  Stopwatch waited;
  co_await borrowed_ready(file.get(), Interest::read);
  say("the loop says: readable, after ", waited.rounded(), " s");

  create_task(beat(heart), "heart");
  forget(file.get());
  co_await read_beside_a_heart("in the loop", heart, in_the_loop(file.get()));
  forget(file.get());
  co_await read_beside_a_heart("on a thread", heart, on_a_thread(file.get()));
}

int main(int argc, char** argv) {
  int mib = 128;
  return simul::lesson(
      argc, argv,
      {.about = "A large file is read in the loop and on a thread, beside a heart.",
       .flags = {number("--size", "MIB", "how large it is, in MiB (default: 128)", mib, 1, 4096)}},
      [&] {
        Heart heart;  // out here: a task that is left behind may beat once more
        run(async_main(heart, static_cast<std::size_t>(mib) << 20));
      });
}
