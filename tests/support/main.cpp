// The main function of every test program.
//
// It runs the tests and, after each of them, looks at what the test left behind: an open
// descriptor, a running thread or a child process fails that test, by name. So no test needs to
// check for leaks, and none can spoil the next one.
//
// With SIMUL_TEST_LIMIT=SECONDS in the environment (tests/run.sh sets it) a second process stands
// guard: it kills the tests and all their children when the time is over, so no test can hang a
// run.
//
// What it does not see: memory (`make sanitize` does) and descriptors that a test closed although
// they were not its own.
#include <dirent.h>
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <climits>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <set>
#include <string>
#include <thread>

#include "runtime/thread/process_function.hpp"

namespace {

/// The numbers that are names in `folder` (/proc/self/fd, /proc/self/task); without the descriptor
/// that reading it takes. Empty where there is no such folder.
std::set<int> numbers_in(const char* folder) {
  std::set<int> numbers;
  DIR* stream = opendir(folder);
  if (stream == nullptr) return numbers;
  while (const dirent* entry = readdir(stream)) {
    if (entry->d_name[0] != '.') numbers.insert(std::atoi(entry->d_name));
  }
  if (std::strcmp(folder, "/proc/self/fd") == 0) numbers.erase(dirfd(stream));
  closedir(stream);
  return numbers;
}

std::set<int> open_descriptors() {
  std::set<int> open = numbers_in("/proc/self/fd");
  if (!open.empty()) return open;
  for (int fd = 0; fd < 4096; ++fd) {
    if (fcntl(fd, F_GETFD) != -1) open.insert(fd);
  }
  return open;
}

/// What `fd` is, as Linux names it: "socket:[4711]", "/tmp/x", "anon_inode:[eventpoll]".
std::string describe(int fd) {
  char target[PATH_MAX];
  const std::string link = "/proc/self/fd/" + std::to_string(fd);
  const ssize_t length = readlink(link.c_str(), target, sizeof target);
  return std::to_string(fd) +
         (length < 0 ? "" : " (" + std::string(target, static_cast<std::size_t>(length)) + ")");
}

class NothingLeftBehind : public testing::EmptyTestEventListener {
 private:
  void OnTestStart(const testing::TestInfo&) override {
    descriptors_ = open_descriptors();
    threads_ = numbers_in("/proc/self/task").size();
    children_ = waitpid(-1, nullptr, WNOHANG) == 0;
  }

  void OnTestEnd(const testing::TestInfo&) override {
    expect_no_child();
    wait_for_the_last_ones();
    const std::size_t threads = numbers_in("/proc/self/task").size();
    if (threads > threads_) {
      ADD_FAILURE() << "left behind: " << threads - threads_ << " running thread(s)";
    }
    for (const int fd : open_descriptors()) {
      if (descriptors_.count(fd) == 0) ADD_FAILURE() << "left open: descriptor " << describe(fd);
    }
  }

  void expect_no_child() const {
    for (;;) {
      const pid_t child = waitpid(-1, nullptr, WNOHANG);
      if (child == -1) return;  // ECHILD: none, as it should be
      if (child == 0) {
        if (!children_) ADD_FAILURE() << "left behind: a child process that still runs";
        return;
      }
      ADD_FAILURE() << "left behind: child process " << child << ", ended but not waited for";
    }
  }

  /// A joined thread may stay in /proc for a moment, and one of the runtime's pool may still be at
  /// a look-up that nobody waits for any more, until the name server does not answer: that is time
  /// enough for both. Once a test has used it up, the others of this program get a moment.
  void wait_for_the_last_ones() {
    using Clock = std::chrono::steady_clock;
    const auto end = Clock::now() + patience_;
    const auto some_left = [this] {
      if (numbers_in("/proc/self/task").size() > threads_) return true;
      const std::set<int> open = open_descriptors();
      return !std::includes(descriptors_.begin(), descriptors_.end(), open.begin(), open.end());
    };
    while (some_left()) {
      if (Clock::now() >= end) {
        patience_ = std::chrono::milliseconds(100);
        return;
      }
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
  }

  std::chrono::milliseconds patience_{12'000};
  std::set<int> descriptors_;
  std::size_t threads_ = 0;
  bool children_ = false;  // one that an earlier test left and was blamed for
};

pid_t guarded = 0;

void kill_guarded(int) {
  kill(-guarded, SIGKILL);
  _exit(130);
}

/// Runs the rest of the program in a child that leads its own process group, and ends as it does:
/// returns in the child only.
void stand_guard(int seconds) {
  guarded = fork();
  if (guarded == -1) std::exit((std::perror("fork"), 1));
  setpgid(guarded, guarded);  // by both, so that neither has to wait for the other
  if (guarded == 0) return;
  for (const int signal : {SIGINT, SIGTERM, SIGHUP}) std::signal(signal, kill_guarded);

  const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(seconds);
  int status = 0;
  while (waitpid(guarded, &status, WNOHANG) == 0) {
    if (std::chrono::steady_clock::now() >= end) {
      kill(-guarded, SIGKILL);
      waitpid(guarded, &status, 0);
      std::printf("\nkilled: not finished after %d s\n", seconds);
      break;
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
  kill(-guarded, SIGKILL);  // whatever they left in their group
  std::exit(WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status));
}

}  // namespace

int main(int argc, char** argv) {
  simul::ProcessFunction::run_if_asked(argc, argv);  // a test may have started this very program
  testing::InitGoogleTest(&argc, argv);
  if (const char* limit = std::getenv("SIMUL_TEST_LIMIT")) {
    stand_guard(std::atoi(limit));
    unsetenv("SIMUL_TEST_LIMIT");
  }
  // ThreadSanitizer starts a thread of its own with a program's first: not inside a test, please.
  std::thread([] {}).join();
  testing::UnitTest::GetInstance()->listeners().Append(new NothingLeftBehind);
  return RUN_ALL_TESTS();
}
