#include "runtime/thread/process_function.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <iostream>
#include <map>
#include <stdexcept>

#include "runtime/base/error.hpp"
#include "runtime/thread/pipe.hpp"

namespace simul {
namespace {

constexpr std::string_view kOneCall = "--simul-call";
constexpr std::string_view kServe = "--simul-serve";

/// Made at the first use, which may be before main, and never destroyed: a function may be called
/// while the program ends.
std::map<std::string, ProcessFunction::Body, std::less<>>& functions() {
  static auto& all = *new std::map<std::string, ProcessFunction::Body, std::less<>>;
  return all;
}

// Set by run_if_asked. Without it the other process would run main, and start a third one.
std::string this_program;

std::string command_name() {
  if (this_program.empty()) {
    throw std::logic_error(
        "a function in another process: main must begin with ProcessFunction::run_if_asked");
  }
  return this_program;
}

void flush() {
  std::cout.flush();
  std::fflush(nullptr);
}

// --- In the other process -----------------------------------------------------------------------

/// Fills `data`; false at the end of the stream.
bool read_all(int fd, void* data, std::size_t size) {
  auto* at = static_cast<char*>(data);
  while (size != 0) {
    const ssize_t got = ::read(fd, at, size);
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) return false;
    at += got;
    size -= static_cast<std::size_t>(got);
  }
  return true;
}

bool write_all(int fd, const void* data, std::size_t size) {
  const auto* at = static_cast<const char*>(data);
  while (size != 0) {
    const ssize_t written = write_to_pipe(fd, at, size);
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return false;
    at += written;
    size -= static_cast<std::size_t>(written);
  }
  return true;
}

int one_call(std::string_view name, std::string_view argument) {
  try {
    ProcessFunction::call(name, argument);
    flush();
    return 0;
  } catch (...) {
    flush();
    std::fprintf(stderr, "%s: %s\n", std::string(name).c_str(),
                 message_of(std::current_exception()).c_str());
    return 1;
  }
}

// One job after the other, until the pool closes the pipe.
int serve() {
  using detail::FrameHeader;
  // What a function starts in its turn has no business with them.
  for (const int fd : {detail::kJobDescriptor, detail::kAnswerDescriptor}) {
    if (::fcntl(fd, F_SETFD, FD_CLOEXEC) != 0) {
      std::fprintf(stderr, "%s: this is for a pool of processes to use\n", kServe.data());
      return 2;
    }
  }
  FrameHeader job;
  while (read_all(detail::kJobDescriptor, &job, sizeof job)) {
    std::string name(job.name, '\0');
    std::string argument(job.text, '\0');
    if (!read_all(detail::kJobDescriptor, name.data(), name.size()) ||
        !read_all(detail::kJobDescriptor, argument.data(), argument.size())) {
      break;
    }
    FrameHeader answer;
    std::string text;
    try {
      text = ProcessFunction::call(name, argument);
    } catch (...) {
      answer.failed = 1;
      text = message_of(std::current_exception());
    }
    flush();  // what was printed stands there before the result is known, and survives a kill
    answer.text = text.size();
    if (!write_all(detail::kAnswerDescriptor, &answer, sizeof answer) ||
        !write_all(detail::kAnswerDescriptor, text.data(), text.size())) {
      break;
    }
  }
  return 0;
}

}  // namespace

ProcessFunction::ProcessFunction(std::string name, Body body) {
  if (!functions().emplace(name, body).second) {
    throw std::logic_error("two functions for other processes are called " + name);
  }
}

void ProcessFunction::run_if_asked(int argc, char** argv) {
  // Not argv[0]: it may be relative to a folder that is not the working directory any more.
  this_program = argc > 0 ? argv[0] : "";
  if (::access("/proc/self/exe", X_OK) == 0) this_program = "/proc/self/exe";
  if (argc == 4 && argv[1] == kOneCall) std::exit(one_call(argv[2], argv[3]));
  if (argc == 2 && argv[1] == kServe) std::exit(serve());
}

bool ProcessFunction::exists(std::string_view name) noexcept {
  return functions().find(name) != functions().end();
}

std::string ProcessFunction::call(std::string_view name, std::string_view argument) {
  const auto found = functions().find(name);
  if (found == functions().end()) {
    throw std::invalid_argument("no function for other processes is called " + std::string(name));
  }
  return found->second(argument);
}

std::vector<std::string> function_command(std::string_view name, std::string_view argument) {
  if (!ProcessFunction::exists(name)) {
    throw std::invalid_argument("no function for other processes is called " + std::string(name));
  }
  return {command_name(), std::string(kOneCall), std::string(name), std::string(argument)};
}

std::vector<std::string> detail::worker_command() {
  return {command_name(), std::string(kServe)};
}

}  // namespace simul
