// Somebody else, who is late: for each kind of call the other side that it has to wait for.
//
// Nothing here is played. There is a server that answers late, a pipe into which nobody writes for
// a while, a file that somebody else has locked, and a name server that thinks. Each is a thread of
// its own, for the loop will stand still; it begins to be late when it is made, and serves one
// call. The object ends the thread, whether or not the call was ever made.
#pragma once

#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <condition_variable>
#include <mutex>
#include <stop_token>
#include <string>
#include <string_view>
#include <thread>
#include <utility>

#include "runtime/base/clock.hpp"
#include "runtime/base/error.hpp"
#include "runtime/base/unique_fd.hpp"
#include "runtime/net/address.hpp"
#include "runtime/net/socket.hpp"

namespace late {

/// How late everybody is, and a folder for what needs a place in the file system.
struct Scene {
  double seconds;
  std::string folder;
};

/// Somebody who is late.
struct Somebody {
  std::string argument;   ///< what the call has to be told to find him
  std::jthread thread{};  ///< asked to stop, and waited for, when this goes
};

/// Is there something to read? Looks until there is, or until the thread is to stop.
inline bool wait_for_input(int fd, const std::stop_token& stop) {
  pollfd entry{fd, POLLIN, 0};
  while (!stop.stop_requested())
    if (::poll(&entry, 1, 5) > 0) return true;
  return false;
}

/// Lets the time pass in which nothing happens.
inline void be_late(const Scene& scene, const std::stop_token& stop) {
  std::mutex mutex;
  std::condition_variable_any stopped;
  std::unique_lock lock(mutex);
  stopped.wait_for(lock, stop, simul::from_seconds(scene.seconds), [] { return false; });
}

/// Nobody: the call itself knows how long it takes.
inline Somebody nobody(const Scene& scene) {
  return {std::to_string(scene.seconds)};
}

/// A server to which one can connect at once. Its answer comes late.
inline Somebody server(const Scene& scene) {
  simul::UniqueFd listener = simul::net::listen_on(simul::net::Address::loopback(0));
  std::string address = simul::net::local_address(listener.get()).to_string();
  return {std::move(address),
          std::jthread([scene, listener = std::move(listener)](std::stop_token stop) {
            be_late(scene, stop);
            if (!wait_for_input(listener.get(), stop)) return;
            const simul::net::Accepted client = simul::net::accept_from(listener.get());
            simul::net::try_send(client.socket.get(), std::string_view("late"));
          })};
}

/// A pipe with a name. Somebody has it open and writes into it, late.
inline Somebody writer(const Scene& scene) {
  std::string path = scene.folder + "/pipe";
  if (::mkfifo(path.c_str(), 0600) < 0 && errno != EEXIST) simul::throw_errno("mkfifo " + path);
  simul::UniqueFd pipe(::open(path.c_str(), O_RDWR | O_NONBLOCK | O_CLOEXEC));
  if (!pipe) simul::throw_errno("open " + path);
  return {std::move(path), std::jthread([scene, pipe = std::move(pipe)](std::stop_token stop) {
            be_late(scene, stop);
            [[maybe_unused]] const ssize_t written = ::write(pipe.get(), "late", 4);
            // Bytes that nobody has read are gone when the last one closes the pipe.
            for (int left = 1; left > 0 && !stop.stop_requested();) {
              std::this_thread::sleep_for(std::chrono::milliseconds(1));
              if (::ioctl(pipe.get(), FIONREAD, &left) < 0) return;
            }
          })};
}

/// A file that somebody has locked, and lets go late.
inline Somebody locker(const Scene& scene) {
  std::string path = scene.folder + "/file";
  simul::UniqueFd file(::open(path.c_str(), O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600));
  if (!file || ::write(file.get(), "late", 4) != 4) simul::throw_errno("write " + path);
  simul::check(::flock(file.get(), LOCK_EX), "flock");
  return {std::move(path), std::jthread([scene, file = std::move(file)](std::stop_token stop) {
            be_late(scene, stop);  // and with the descriptor goes the lock
          })};
}

/// The answer to a question of DNS (RFC 1035 section 4): every name is at 127.0.0.18. A question
/// that is none gets an empty answer.
inline std::string dns_answer(std::string_view question) {
  std::size_t end = 12;  // behind the header, the name: labels up to an empty one
  while (end < question.size() && question[end] != 0)
    end += 1 + static_cast<unsigned char>(question[end]);
  end += 5;  // the empty label, the type, the class
  if (end > question.size()) return "";
  const bool wants_ipv4 = question[end - 3] == 1;  // type A
  std::string answer(question.substr(0, end));
  answer.replace(2, 10, std::string("\x81\x80\0\1\0\0\0\0\0\0", 10));  // an answer, one question
  if (wants_ipv4) {
    answer[7] = 1;  // one record: that name, A, IN, for a second, 4 bytes
    answer += std::string("\xc0\x0c\0\1\0\1\0\0\0\1\0\4\x7f\0\0\x12", 16);
  }
  return answer;
}

/// A name server on a port of this machine. It thinks about the first question; what else was asked
/// meanwhile (IPv4 and IPv6 are two questions) it answers with it.
inline Somebody name_server(const Scene& scene) {
  const simul::net::Address any = simul::net::Address::loopback(0);
  simul::UniqueFd socket(::socket(AF_INET, SOCK_DGRAM, 0));
  if (!socket) simul::throw_errno("socket");
  simul::check(::bind(socket.get(), any.data(), any.size()), "bind");
  std::string port = std::to_string(simul::net::local_address(socket.get()).port());
  return {std::move(port), std::jthread([scene, socket = std::move(socket)](std::stop_token stop) {
            if (!wait_for_input(socket.get(), stop)) return;
            be_late(scene, stop);
            while (wait_for_input(socket.get(), stop)) {
              char bytes[512];
              sockaddr_in from{};
              socklen_t size = sizeof from;
              const auto sender = reinterpret_cast<sockaddr*>(&from);
              const ssize_t got =
                  ::recvfrom(socket.get(), bytes, sizeof bytes, MSG_DONTWAIT, sender, &size);
              if (got < 12) continue;
              const std::string answer = dns_answer({bytes, static_cast<std::size_t>(got)});
              ::sendto(socket.get(), answer.data(), answer.size(), 0, sender, size);
            }
          })};
}

}  // namespace late
