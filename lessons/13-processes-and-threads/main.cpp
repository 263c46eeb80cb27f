// Four processes print one line each: the first with the function's default, three with arguments.
//
// fork() makes a second process that goes on where the first one stands, with a copy of all it has.
// A copy of one thread, that is: what other threads held, such as the heap's lock, would stay held
// for ever. So this program forks before it has any thread, and not once a loop runs. How a program
// with threads and a loop starts processes is together.cpp's subject.
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <functional>
#include <list>
#include <stdexcept>
#include <string>

#include "lessons/common/lesson.hpp"
#include "runtime/base/error.hpp"
#include "runtime/thread/exit_status.hpp"

using simul::Blocking;
using simul::complain;
using simul::ExitStatus;
using simul::flush_out;
using simul::say;
using simul::throw_errno;

// A function that runs in a process of its own. Whoever started it waits for its end.
class Process {
 public:
  explicit Process(const std::function<void()>& target) {
    flush_out();  // or each of the two would have a copy of what is not yet written, and print it
    pid_ = ::fork();
    if (pid_ == -1) throw_errno("fork");
    if (pid_ == 0) run(target);
  }
  ~Process() { join(); }
  Process(const Process&) = delete;
  Process& operator=(const Process&) = delete;

  // Waits for its end. A process that failed is reported; the program goes on. (Why not `throw`?
  // The destructor joins, too, and in the articles' Python join() returns normally as well.)
  void join() {
    if (pid_ == 0) return;
    const Blocking blocking("process");  // for --timeline
    int status = 0;
    while (::waitpid(pid_, &status, 0) == -1 && errno == EINTR) {
    }
    const ExitStatus ended = ExitStatus::of(status);
    if (!ended.ok() && ended.signal() != SIGPIPE)  // that one has lost its reader, who knows
      complain(std::runtime_error("process " + std::to_string(pid_) + " " + ended.text()));
    pid_ = 0;
  }

 private:
  // In the new process. It must not return into a main() that is not its own, whatever happens.
  [[noreturn]] static void run(const std::function<void()>& target) noexcept {
    try {
      target();
      flush_out();
      ::_exit(0);
    } catch (const std::exception& error) {
      complain(error);
    }
    ::_exit(1);
  }

  pid_t pid_ = 0;
};

void print_func(const std::string& continent = "Asia") {
  say("The name of continent is :  ", continent);
}

void example() {
  std::list<Process> procs;
  procs.emplace_back([] { print_func(); });  // without an argument
  for (const char* name : {"America", "Europe", "Africa"})
    procs.emplace_back([name] { print_func(name); });
  for (Process& proc : procs) proc.join();
}

int main(int argc, char** argv) {
  return simul::lesson(argc, argv,
                       {.about = "Four processes print the name of a continent each, in whatever\n"
                                 "order they come to it."},
                       example);
}
