// A function that runs in another process and sends its result back, from nothing.
//
//   parent                          child
//   ------                          -----
//   pipe(): a way out and a way in  (does not exist)
//   fork()  --------------------->  a copy: the same variables, the same descriptors
//   closes the writing end          closes the reading end
//   read() waits                    computes, write()s the result, _exit()s
//   has the result                  a zombie: an exit status that waits to be asked for
//   waitpid()                       gone
//
// Nothing but the bytes in the pipe and the exit status comes back: what the child changes is its
// copy. And each end that is not used must be closed, for read() says "the end" only when nobody
// has the writing end any more.
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>

// ---- The idea ----

struct Child {
  pid_t pid;
  int result;  // the reading end
};

[[noreturn]] void give_up(const char* what) {
  std::perror(what);
  std::exit(1);
}

template <class F>
Child start(F function) {
  int ends[2];
  if (pipe(ends) == -1) give_up("pipe");
  std::fflush(stdout);  // or both of us would print what it still holds
  const pid_t pid = fork();
  if (pid == -1) give_up("fork");
  if (pid == 0) {
    close(ends[0]);
    const long value = function();  // so few bytes are written whole or not at all
    _exit(write(ends[1], &value, sizeof value) == sizeof value ? 0 : 1);
  }
  close(ends[1]);
  return {pid, ends[0]};
}

// Does it have a result? Then it is in `value`.
bool finish(Child child, long& value) {
  ssize_t got = 0;
  while ((got = read(child.result, &value, sizeof value)) == -1 && errno == EINTR) {
  }
  close(child.result);
  int status = 0;
  while (waitpid(child.pid, &status, 0) == -1 && errno == EINTR) {
  }
  return got == sizeof value && WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

// ---- The example ----

long sum(long from, long to) {
  long all = 0;
  for (long n = from; n < to; ++n) all += n;
  return all;
}

int main() {
  long calls = 0;
  const Child low = start([&] { return ++calls, sum(0, 500'000); });
  const Child high = start([&] { return ++calls, sum(500'000, 1'000'001); });
  const Child dead = start([]() -> long { std::abort(); });

  long a = 0;
  long b = 0;
  long c = 0;
  const bool both = finish(low, a) && finish(high, b);
  std::printf("the sum of the numbers up to a million: %ld\n", both ? a + b : -1);
  std::printf("calls that the parent has seen: %ld\n", calls);
  std::printf("the one that died has a result: %s\n", finish(dead, c) ? "yes" : "no");
}
