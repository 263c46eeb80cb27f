// Talking to a program through all its pipes at once, until it has ended.
//
//     Process sort({"sort", "-n"}, {.in = Stdio::pipe(), .out = Stdio::pipe()});
//     ProcessResult sorted = await(communicate(sort, "3\n1\n2\n"));
//
// Whoever writes all of the input first and reads then, waits for ever for a program that has
// filled its output before it has read its input. So each pipe has a routine of its own here, and
// the wait is over when all of them and the program are, or when one of them has failed.
#pragma once

#include <cstddef>
#include <exception>
#include <optional>
#include <string>

#include "runtime/reactor/outside.hpp"
#include "runtime/thread/pipe.hpp"
#include "runtime/thread/process.hpp"

namespace simul {

/// What a program said, and how it ended.
struct ProcessResult {
  ExitStatus status;
  std::string out;
  std::string err;
};

/// See `communicate`.
class [[nodiscard]] Communicate final : public Wait<Communicate> {
 public:
  Communicate(Process& process, std::string input, std::size_t limit)
      : Wait(kSort), process_(process), input_(std::move(input)), limit_(limit) {
    link_.of = this;
    link_.fired = [](ExitLink& link) noexcept { static_cast<Link&>(link).of->wake_if_over(); };
  }

  bool await_ready() const noexcept { return false; }
  void start();
  ProcessResult await_resume();

 private:
  struct Link : ExitLink {
    Communicate* of = nullptr;
  };

  void wake_if_over() noexcept;
  std::exception_ptr failure() const noexcept;
  static void leave(Waiter& waiter) noexcept {
    static_cast<Communicate&>(waiter).link_.unlink();
    static_cast<Communicate&>(waiter).outside_.reset();
  }
  static constexpr Sort kSort = {"program", leave};

  Process& process_;
  std::string input_;
  std::size_t limit_;
  Link link_;
  std::optional<Outside> outside_;
  std::optional<PipeMover> in_;
  std::optional<PipeMover> out_;
  std::optional<PipeMover> err_;
};

/// Writes `input` and closes the program's stdin, reads stdout and stderr to their ends, and waits
/// for the program's. Streams that are no pipes are left alone; a program that does not read its
/// input is no error. Throws LimitExceeded when more than `limit` bytes come from one stream: the
/// program runs on, until it is stopped or its handle goes. The Process must stay where it is
/// meanwhile. (subprocess.Popen.communicate)
inline Communicate communicate(Process& process, std::string input = {},
                               std::size_t limit = kPipeLimit) {
  return {process, std::move(input), limit};
}

}  // namespace simul
