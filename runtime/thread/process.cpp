#include "runtime/thread/process.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <stdexcept>
#include <string_view>
#include <utility>

#include "runtime/base/error.hpp"
#include "runtime/thread/spawn.hpp"

extern char** environ;

namespace simul {
namespace {

constexpr int kMostDescriptors = 256;

std::vector<std::string> environment_of(const ProcessOptions& options) {
  std::vector<std::string> result;
  if (options.environment) {
    result = *options.environment;
  } else {
    for (char** variable = environ; variable != nullptr && *variable != nullptr; ++variable) {
      result.emplace_back(*variable);
    }
  }
  for (const std::string& variable : options.variables) {
    const std::string_view name(variable.data(), variable.find('=') + 1);  // with the "="
    if (name.size() < 2) throw std::invalid_argument("environment: '" + variable + "' has no name");
    std::erase_if(result, [&](const std::string& old) { return old.starts_with(name); });
    result.push_back(variable);
  }
  return result;
}

/// One stream on its way: the child's end, and for a pipe ours.
struct Ends {
  UniqueFd held;  // a descriptor that must stay open until the child has it
  int child;
  Descriptor ours;
};

Ends open_stream(const Stdio& stream, int number) {
  switch (stream.kind()) {
    case Stdio::Kind::inherited:
      return {UniqueFd(), number, Descriptor()};
    case Stdio::Kind::null: {
      UniqueFd null(check(::open("/dev/null", O_RDWR | O_CLOEXEC), "open /dev/null"));
      const int fd = null.get();
      return {std::move(null), fd, Descriptor()};
    }
    case Stdio::Kind::pipe: {
      Pipe pipe = open_pipe();
      UniqueFd& theirs = number == 0 ? pipe.read : pipe.write;
      UniqueFd& ours = number == 0 ? pipe.write : pipe.read;
      const int fd = theirs.get();
      return {std::move(theirs), fd, non_blocking(std::move(ours))};
    }
    case Stdio::Kind::descriptor:
      break;
  }
  if (stream.fd() < 0) throw std::invalid_argument("a program's stream: no descriptor");
  return {UniqueFd(), stream.fd(), Descriptor()};
}

}  // namespace

Process::Process(std::vector<std::string> command, ProcessOptions options) {
  if (command.empty()) throw std::invalid_argument("a program without a name");
  Ends in = open_stream(options.in, 0);
  Ends out = open_stream(options.out, 1);
  Ends err = open_stream(options.err, 2);

  Launch launch;
  launch.program = options.program.empty() ? command[0] : std::move(options.program);
  launch.environment = environment_of(options);
  launch.directory = std::move(options.directory);
  launch.own_group = options.own_group;
  launch.descriptors = {in.child, out.child, err.child};
  for (const PassedDescriptor& passed : options.passed) {
    if (passed.from < 0 || passed.to < 3 || passed.to >= kMostDescriptors) {
      throw std::invalid_argument("pass descriptor " + std::to_string(passed.from) + " as " +
                                  std::to_string(passed.to) + ": not possible");
    }
    const auto place = static_cast<std::size_t>(passed.to);
    if (launch.descriptors.size() <= place) launch.descriptors.resize(place + 1, -1);
    launch.descriptors[place] = passed.from;
  }
  std::string name = command[0];
  launch.arguments = std::move(command);

  Reactor& reactor = Reactor::current();
  child_ = ChildProcess::adopt(reactor, spawn_program(launch), launch.own_group, std::move(name));
  in_ = std::move(in.ours);
  out_ = std::move(out.ours);
  err_ = std::move(err.ours);
}

Process& Process::operator=(Process&& other) noexcept {
  if (this != &other) {
    if (child_) child_->forsake();
    child_ = std::move(other.child_);
    in_ = std::move(other.in_);
    out_ = std::move(other.out_);
    err_ = std::move(other.err_);
  }
  return *this;
}

Process::~Process() {
  if (child_) child_->forsake();
}

std::optional<ExitStatus> Process::poll() noexcept {
  if (!child_->ended()) return std::nullopt;
  return child_->status();
}

}  // namespace simul
