// The calls that block, each as one writes it in a program that has nothing else to do.
//
// They know neither a loop nor each other. Each takes one text and gives one, so that the same
// function can be called anywhere: in the loop, on a thread, in a fiber, and by its name in another
// process. What they wait for is in late.hpp.
#pragma once

#include <fcntl.h>
#include <spawn.h>
#include <sys/file.h>
#include <sys/select.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cmath>
#include <cstdio>
#include <ctime>
#include <stdexcept>
#include <string>
#include <string_view>
#include <thread>

#include "lessons/18-blocking-library/name_lookup.hpp"
#include "runtime/base/error.hpp"
#include "runtime/base/unique_fd.hpp"
#include "runtime/net/address.hpp"

extern char** environ;

namespace blocking {

/// Throws what errno says. In a fiber that is to end, a patched call says ECANCELED.
[[noreturn]] inline void failed(const std::string& what) {
  if (errno == ECANCELED) throw simul::Cancelled{};
  simul::throw_errno(what);
}

/// Reads up to the end. EINTR: somebody sent a signal, and the read has not even begun.
inline std::string read_all(int fd) {
  std::string text;
  char buffer[512];
  for (;;) {
    const ssize_t got = ::read(fd, buffer, sizeof buffer);
    if (got == 0) return text;
    if (got < 0 && errno != EINTR) failed("read");
    if (got > 0) text.append(buffer, static_cast<std::size_t>(got));
  }
}

// ---- time.sleep ----

// std::this_thread::sleep_for would not say that it was called off, and go on as if it had slept.
inline std::string sleep(std::string_view seconds) {
  const double time = std::stod(std::string(seconds));
  const double whole = std::floor(time);
  timespec left{static_cast<time_t>(whole), static_cast<long>((time - whole) * 1e9)};
  while (::nanosleep(&left, &left) < 0)
    if (errno != EINTR) failed("nanosleep");
  return "late";
}

// ---- socket.*, select.* ----

inline simul::UniqueFd connected_to(std::string_view address) {
  const simul::net::Address to = simul::net::Address::parse(address);
  simul::UniqueFd socket(::socket(to.family(), SOCK_STREAM, 0));
  if (!socket || ::connect(socket.get(), to.data(), to.size()) < 0)
    failed("connect " + to.to_string());
  return socket;
}

inline std::string receive(std::string_view address) {
  const simul::UniqueFd socket = connected_to(address);
  return read_all(socket.get());
}

inline std::string select(std::string_view address) {
  const simul::UniqueFd socket = connected_to(address);
  fd_set readable;
  int ready = 0;
  do {
    FD_ZERO(&readable);
    FD_SET(socket.get(), &readable);
    timeval limit{60, 0};
    ready = ::select(socket.get() + 1, &readable, nullptr, nullptr, &limit);
  } while (ready < 0 && errno == EINTR);
  if (ready < 0) failed("select");
  if (ready == 0) throw std::runtime_error("select: nothing came for a minute");
  return read_all(socket.get());
}

// ---- subprocess.*, os.waitpid ----

inline std::string run_program(std::string_view seconds) {
  std::FILE* output = ::popen(("sleep " + std::string(seconds) + "; echo late").c_str(), "r");
  if (output == nullptr) failed("popen");
  char line[16] = "";
  const bool read = std::fgets(line, sizeof line, output) != nullptr;
  ::pclose(output);  // waits for its end
  return read ? std::string(line, std::string_view(line).find('\n')) : "nothing";
}

inline std::string wait_for_child(std::string_view seconds) {
  const std::string argument(seconds);
  const char* const command[] = {"sleep", argument.c_str(), nullptr};
  pid_t child = -1;
  errno = ::posix_spawnp(&child, "sleep", nullptr, nullptr, const_cast<char**>(command), environ);
  if (errno != 0) failed("spawn sleep");
  int status = 0;
  while (::waitpid(child, &status, 0) < 0)
    if (errno != EINTR) failed("waitpid");
  return WIFEXITED(status) && WEXITSTATUS(status) == 0 ? "late" : "killed";
}

// ---- threading.* ----

inline std::string join_thread(std::string_view seconds) {
  std::string text;
  std::thread other([&] { text = sleep(seconds); });
  other.join();
  return text;
}

// ---- Files ----

inline std::string read_pipe(std::string_view path) {
  const simul::UniqueFd pipe(::open(std::string(path).c_str(), O_RDONLY | O_CLOEXEC));
  if (!pipe) failed("open " + std::string(path));
  return read_all(pipe.get());
}

inline std::string read_locked_file(std::string_view path) {
  const simul::UniqueFd file(::open(std::string(path).c_str(), O_RDONLY | O_CLOEXEC));
  if (!file) failed("open " + std::string(path));
  while (::flock(file.get(), LOCK_SH) < 0)
    if (errno != EINTR) failed("flock " + std::string(path));
  return read_all(file.get());
}

// ---- socket.getaddrinfo ----

/// `port`: where on this machine the name server is.
inline std::string look_up(std::string_view port) {
  name_lookup::ask_server_at(port);
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* found = nullptr;
  const int code = ::getaddrinfo("late.example", nullptr, &hints, &found);
  if (code == EAI_SYSTEM) failed("getaddrinfo");
  if (code != 0) throw std::runtime_error(std::string("getaddrinfo: ") + ::gai_strerror(code));
  const auto address = simul::net::Address::from_sockaddr(found->ai_addr, found->ai_addrlen);
  ::freeaddrinfo(found);
  return address.host();
}

}  // namespace blocking
