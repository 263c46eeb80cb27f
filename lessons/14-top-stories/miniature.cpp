// A signal that becomes an event, from nothing: a pipe to oneself.
//
// Ctrl-C may come between any two instructions, also in the middle of malloc. So a handler may do
// next to nothing: no printf, no memory, no exception, no lock. But it may write a byte:
//
//   handler, anywhere, at any time            the loop, where it always waits
//   ------------------------------            -------------------------------
//   write(pipe, the signal's number)   --->   poll() says that the pipe is readable
//                                             read the number; now everything is allowed
//
// Why not a flag that the loop looks at? It looks, the signal sets it, the loop goes into poll(),
// and sleeps. The byte stays in the pipe until somebody takes it: it cannot come too early.
//
// What the loop does about it is to cancel: each coroutine that waits is resumed, and the co_await
// where it stands throws. Destructors close what was open. Nobody else has to know of Ctrl-C.
//
// The program presses Ctrl-C itself, after a fifth of a second. What runtime/reactor/signals.hpp
// does beyond this: any signal, several loops, and the handler that was there before comes back.
#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <coroutine>
#include <csignal>
#include <cstdio>
#include <exception>
#include <thread>
#include <vector>

struct Cancelled {};

// ---- The handler ----

int to_loop = -1;  // the end of the pipe into which the handler writes

extern "C" void on_signal(int number) {
  const int before = errno;  // it may have interrupted somebody who is about to look at his
  const auto byte = static_cast<char>(number);
  [[maybe_unused]] const ssize_t told = write(to_loop, &byte, 1);  // full: the loop knows already
  errno = before;
}

// ---- The loop: lesson 11's, and one descriptor more ----

struct Readable {
  int fd;
  std::coroutine_handle<> me = nullptr;
  bool cancelled = false;

  bool await_ready() const { return false; }
  void await_suspend(std::coroutine_handle<> frame);
  void await_resume() const {
    if (cancelled) throw Cancelled{};
  }
};

std::vector<Readable*> waiting;

void Readable::await_suspend(std::coroutine_handle<> frame) {
  me = frame;
  waiting.push_back(this);
}

void wake(std::size_t which, bool cancelled) {
  Readable* wait = waiting[which];
  waiting.erase(waiting.begin() + static_cast<std::ptrdiff_t>(which));
  wait->cancelled = cancelled;
  wait->me.resume();
}

// Until nobody waits any more. Returns the signal that ended it, or 0.
int run(int from_handler) {
  int signal = 0;
  while (!waiting.empty()) {
    std::vector<pollfd> asked = {{from_handler, POLLIN, 0}};
    for (const Readable* wait : waiting) asked.push_back({wait->fd, POLLIN, 0});
    if (poll(asked.data(), asked.size(), -1) < 0) continue;  // EINTR: the byte is in the pipe
    char byte = 0;
    if (asked[0].revents != 0 && read(from_handler, &byte, 1) == 1) {
      signal = byte;
      std::printf("The loop has signal %d. Whoever waits is cancelled:\n", signal);
      while (!waiting.empty()) wake(0, true);
    } else {
      for (std::size_t i = asked.size(); i-- > 1;)
        if (asked[i].revents != 0) wake(i - 1, false);
    }
  }
  return signal;
}

// ---- The downloads ----

struct Task {  // begins when it is called, and nobody waits for its end
  struct promise_type {
    Task get_return_object() { return {}; }
    std::suspend_never initial_suspend() { return {}; }
    std::suspend_never final_suspend() noexcept { return {}; }
    void return_void() {}
    void unhandled_exception() {
      try {
        throw;
      } catch (const Cancelled&) {  // the end that was asked for
      } catch (...) {
        std::terminate();
      }
    }
  };
};

struct Connection {
  const char* name;
  int fd;

  ~Connection() {
    close(fd);
    std::printf("%-5s its connection is closed\n", name);
  }
};

Task download(const char* name, int fd) {
  const Connection connection{name, fd};
  std::printf("%-5s waits\n", name);
  co_await Readable{fd};
  std::printf("%-5s has its page\n", name);
}

int main() {
  int self[2], one[2], two[2];
  if (pipe(self) < 0 || socketpair(AF_UNIX, SOCK_STREAM, 0, one) < 0 ||
      socketpair(AF_UNIX, SOCK_STREAM, 0, two) < 0)
    return 1;
  fcntl(self[1], F_SETFL, O_NONBLOCK);  // a handler must not wait, not even for room in a pipe
  to_loop = self[1];
  struct sigaction action {};
  action.sa_handler = on_signal;
  sigaction(SIGINT, &action, nullptr);

  std::jthread world([&] {
    std::this_thread::sleep_for(std::chrono::milliseconds(100));
    send(one[1], "page", 4, MSG_NOSIGNAL);
    std::this_thread::sleep_for(std::chrono::milliseconds(100));
    kill(getpid(), SIGINT);  // Ctrl-C
  });
  download("One", one[0]);
  download("Two", two[0]);
  std::printf("A shell is told %d.\n", 128 + run(self[0]));
  world.join();
  for (const int fd : {self[0], self[1], one[1], two[1]}) close(fd);
}
