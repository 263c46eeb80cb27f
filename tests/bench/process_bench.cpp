// What a process costs: to start and reap one, and to have one that is there do a job.
//
//   process.run         /bin/true as a Process, awaited to its end. The floor is posix_spawn and
//                       waitpid, which block
//   process.run.many    the same for 50 at once, for each of them. The floor starts 50 and then
//                       waits for each
//   process.job         a job of a ProcessPool: 8 bytes there, 8 bytes back. The floor is a child
//                       that echoes what it reads, at the other end of two pipes, with blocking
//                       reads and writes
//   process.job.64k     the same with 64 KiB each way
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <list>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/base/error.hpp"
#include "runtime/base/unique_fd.hpp"
#include "runtime/fiber/await.hpp"
#include "runtime/reactor/reactor.hpp"
#include "runtime/thread/pipe.hpp"
#include "runtime/thread/process.hpp"
#include "runtime/thread/process_function.hpp"
#include "runtime/thread/process_pool.hpp"
#include "tests/bench/bench.hpp"

extern char** environ;

namespace {

using namespace simul;

const ProcessFunction kEcho("echo", [](std::string_view text) { return std::string(text); });

// ---- Programs ----

constexpr int kMany = 50;

pid_t spawn_bare() {
  char program[] = "/bin/true";
  char* const command[] = {program, nullptr};
  pid_t pid = -1;
  errno = ::posix_spawn(&pid, program, nullptr, nullptr, command, environ);
  if (errno != 0) throw_errno("posix_spawn");
  return pid;
}

void reap_bare(pid_t pid) {
  while (::waitpid(pid, nullptr, 0) < 0)
    if (errno != EINTR) throw_errno("waitpid");
}

void run_each(std::size_t count) {
  for (std::size_t i = 0; i < count; ++i) {
    Process process({"/bin/true"});
    await(process.wait());
  }
}

void run_each_bare(std::size_t count) {
  for (std::size_t i = 0; i < count; ++i) reap_bare(spawn_bare());
}

double microseconds_each_of_many() {
  const double start = bench::seconds_now();
  std::list<Process> processes;
  for (int i = 0; i < kMany; ++i) processes.emplace_back(std::vector<std::string>{"/bin/true"});
  for (Process& process : processes) await(process.wait());
  return (bench::seconds_now() - start) * 1e6 / kMany;
}

double microseconds_each_of_many_bare() {
  const double start = bench::seconds_now();
  std::vector<pid_t> pids;
  for (int i = 0; i < kMany; ++i) pids.push_back(spawn_bare());
  for (const pid_t pid : pids) reap_bare(pid);
  return (bench::seconds_now() - start) * 1e6 / kMany;
}

// ---- Jobs ----

bool read_exactly(int fd, char* data, std::size_t size) {
  while (size > 0) {
    const ssize_t got = ::read(fd, data, size);
    if (got <= 0) return false;
    data += got;
    size -= static_cast<std::size_t>(got);
  }
  return true;
}

bool write_exactly(int fd, const char* data, std::size_t size) {
  while (size > 0) {
    const ssize_t put = ::write(fd, data, size);
    if (put <= 0) return false;
    data += put;
    size -= static_cast<std::size_t>(put);
  }
  return true;
}

// A child that echoes messages of a fixed size until its input ends.
class BareEcho {
 public:
  explicit BareEcho(std::size_t size) : message_(size, 'x') {
    Pipe there = open_pipe();
    Pipe back = open_pipe();
    pid_ = check(::fork(), "fork");
    if (pid_ == 0) {
      there.write.reset();
      while (read_exactly(there.read.get(), message_.data(), size) &&
             write_exactly(back.write.get(), message_.data(), size)) {
      }
      ::_exit(0);
    }
    there_ = std::move(there.write);
    back_ = std::move(back.read);
  }
  ~BareEcho() {
    there_.reset();
    reap_bare(pid_);
  }

  void operator()(std::size_t count) {
    for (std::size_t i = 0; i < count; ++i)
      if (!write_exactly(there_.get(), message_.data(), message_.size()) ||
          !read_exactly(back_.get(), message_.data(), message_.size()))
        throw_errno("talk to the child");
  }

 private:
  std::string message_;
  UniqueFd there_;
  UniqueFd back_;
  pid_t pid_ = -1;
};

}  // namespace

int main(int argc, char** argv) {
  ProcessFunction::run_if_asked(argc, argv);
  return bench::run(argc, argv, [](bench::Bench& bench) {
    BareEcho echo_8(8);  // forks: before there is a loop
    BareEcho echo_64k(65536);
    Reactor loop;
    bench.time("process.run", run_each, run_each_bare);
    bench.compare("process.run.many", "us", microseconds_each_of_many,
                  microseconds_each_of_many_bare);
    ProcessPool pool(1);
    const auto jobs_of = [&](std::size_t size) {
      return [&pool, text = std::string(size, 'x')](std::size_t count) {
        for (std::size_t i = 0; i < count; ++i) await(pool.run("echo", text));
      };
    };
    bench.time("process.job", jobs_of(8), echo_8);
    bench.time("process.job.64k", jobs_of(65536), echo_64k);
  });
}
