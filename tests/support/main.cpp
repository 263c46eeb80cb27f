// The main function of every test program.
//
// It runs the tests and, after each of them, looks at what the test left behind: an open
// descriptor, a running thread or a child process fails that test, by name. So no test needs to
// check for leaks, and none can spoil the next one.
//
// What it does not see: memory (`make sanitize` does) and descriptors that a test closed although
// they were not its own.
#include <dirent.h>
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <climits>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <set>
#include <string>
#include <thread>

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
  }

  void OnTestEnd(const testing::TestInfo&) override {
    expect_no_child();
    expect_no_thread();
    for (const int fd : open_descriptors()) {
      if (descriptors_.count(fd) == 0) ADD_FAILURE() << "left open: descriptor " << describe(fd);
    }
  }

  static void expect_no_child() {
    int status = 0;
    pid_t child = waitpid(-1, &status, WNOHANG);
    if (child == -1 && errno == ECHILD) return;
    if (child == 0) {
      ADD_FAILURE() << "left behind: a child process that still runs";
      return;
    }
    for (; child > 0; child = waitpid(-1, &status, WNOHANG)) {
      ADD_FAILURE() << "left behind: child process " << child << ", ended but not waited for";
    }
  }

  /// A thread that was joined may stay in /proc for a moment: give it one before judging.
  void expect_no_thread() const {
    using Clock = std::chrono::steady_clock;
    const auto patience = Clock::now() + std::chrono::seconds(2);
    std::size_t threads = numbers_in("/proc/self/task").size();
    while (threads > threads_ && Clock::now() < patience) {
      std::this_thread::yield();
      threads = numbers_in("/proc/self/task").size();
    }
    if (threads > threads_) {
      ADD_FAILURE() << "left behind: " << threads - threads_ << " running thread(s)";
    }
  }

  std::set<int> descriptors_;
  std::size_t threads_ = 0;
};

}  // namespace

int main(int argc, char** argv) {
  testing::InitGoogleTest(&argc, argv);
  // tests/run.sh asks for a process group, so that it can kill a program with all its children.
  if (std::getenv("SIMUL_TEST_GROUP") != nullptr) {
    setpgid(0, 0);
    unsetenv("SIMUL_TEST_GROUP");
  }
  testing::UnitTest::GetInstance()->listeners().Append(new NothingLeftBehind);
  return RUN_ALL_TESTS();
}
