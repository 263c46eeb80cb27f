// An event loop from nothing: one thread, three downloads at once, and their server too.
//
// No call in here blocks but one, epoll_wait, and that one waits for everybody:
//
//   again and again:  epoll_wait(all descriptors that somebody waits for, until the first timer)
//                     is one ready?    call the function that was left for it
//                     is a timer due?  call the function that was left for it
//
// So what comes next must be put into a function and left with the loop, and code that is written
// so is turned inside out. Lesson 06 pays that price once, in the runtime: there the function that
// is left behind wakes a fiber, and the code in the fiber reads from top to bottom again.
#include <netinet/in.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <map>
#include <memory>
#include <stdexcept>
#include <string>

using namespace std::chrono;
int check(int result, const char* what) {
  if (result < 0) throw std::runtime_error(std::string(what) + ": " + std::strerror(errno));
  return result;
}

class Loop {
 public:
  // Calls `function` whenever `fd` is ready for `events`; replaces what was left for it before.
  void when_ready(int fd, unsigned events, std::function<void()> function) {
    epoll_event event{.events = events, .data = {.fd = fd}};
    const int operation = functions_.count(fd) == 0 ? EPOLL_CTL_ADD : EPOLL_CTL_MOD;
    check(epoll_ctl(epoll_, operation, fd, &event), "epoll_ctl");
    functions_[fd] = std::move(function);
  }

  void forget_and_close(int fd) {
    functions_.erase(fd);
    close(fd);  // epoll forgets it by itself
  }

  void later(milliseconds delay, std::function<void()> function) {
    timers_.emplace(steady_clock::now() + delay, std::move(function));
  }

  void turn() {
    int timeout = -1;  // without end
    if (!timers_.empty()) {
      const auto left = ceil<milliseconds>(timers_.begin()->first - steady_clock::now()).count();
      timeout = left < 0 ? 0 : static_cast<int>(left);
    }
    // One event a turn. With several, one might be for a descriptor that another just closed.
    epoll_event event{};
    if (epoll_wait(epoll_, &event, 1, timeout) > 0) {
      const auto function = functions_.at(event.data.fd);  // a copy: it may be replaced meanwhile
      function();
    }
    while (!timers_.empty() && timers_.begin()->first <= steady_clock::now()) {
      const auto function = std::move(timers_.begin()->second);
      timers_.erase(timers_.begin());
      function();
    }
  }

 private:
  int epoll_ = check(epoll_create1(EPOLL_CLOEXEC), "epoll_create1");
  std::map<int, std::function<void()>> functions_;
  std::multimap<steady_clock::time_point, std::function<void()>> timers_;
};

// Adds what has arrived to `text`. True: the other side has closed, and this was all.
bool read_into(std::string& text, int fd) {
  char buffer[4096];
  const ssize_t count = recv(fd, buffer, sizeof buffer, 0);
  if (count > 0) text.append(buffer, static_cast<std::size_t>(count));
  return count == 0 || (count < 0 && errno != EAGAIN);
}

// GET /300 is answered after 300 ms. Meanwhile the loop is free: not a sleep, but a timer.
void serve(Loop& loop, int fd) {
  auto question = std::make_shared<std::string>();
  loop.when_ready(fd, EPOLLIN, [=, &loop] {
    if (read_into(*question, fd)) return loop.forget_and_close(fd);
    if (question->find("\r\n\r\n") == std::string::npos) return;
    loop.when_ready(fd, 0, [] {});
    loop.later(milliseconds(std::atoi(question->c_str() + std::strlen("GET /"))), [=, &loop] {
      const std::string answer = "HTTP/1.0 200 OK\r\n\r\nHere you are.\n";
      send(fd, answer.data(), answer.size(), MSG_NOSIGNAL);
      loop.forget_and_close(fd);
    });
  });
}

void download(Loop& loop, const sockaddr_in& from, const std::string& path,
              const std::function<void(const std::string& answer)>& done) {
  const int fd = check(socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0), "socket");
  connect(fd, reinterpret_cast<const sockaddr*>(&from), sizeof from);  // only begins to
  loop.when_ready(fd, EPOLLOUT, [=, &loop] {
    const std::string question = "GET " + path + " HTTP/1.0\r\n\r\n";
    send(fd, question.data(), question.size(), MSG_NOSIGNAL);
    auto answer = std::make_shared<std::string>();
    loop.when_ready(fd, EPOLLIN, [=, &loop] {
      if (!read_into(*answer, fd)) return;
      loop.forget_and_close(fd);
      done(*answer);
    });
  });
}

int main(int argc, char** argv) try {
  if (argc > 1) {
    const bool wrong = std::strcmp(argv[1], "--help") != 0;
    return std::fprintf(wrong ? stderr : stdout, "usage: %s\n", argv[0]), wrong ? 2 : 0;
  }
  Loop loop;
  const int listener = check(socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0), "socket");
  sockaddr_in address{};  // port 0: any that is free
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  check(bind(listener, reinterpret_cast<sockaddr*>(&address), size), "bind");
  check(listen(listener, 3), "listen");
  getsockname(listener, reinterpret_cast<sockaddr*>(&address), &size);
  loop.when_ready(listener, EPOLLIN, [&] {
    const int fd = accept4(listener, nullptr, nullptr, SOCK_NONBLOCK);
    if (fd >= 0) serve(loop, fd);
  });
  const auto start = steady_clock::now();
  const auto elapsed = [&] { return duration<double>(steady_clock::now() - start).count(); };
  int left = 3;
  for (const char* path : {"/500", "/300", "/400"}) {
    std::printf("getting %s\n", path);
    download(loop, address, path, [&, path](const std::string& answer) {
      std::printf("got %s after %.1f s: %.*s\n", path, elapsed(), 15, answer.c_str());
      --left;
    });
  }
  while (left > 0) loop.turn();
  std::printf("\nTotal elapsed time: %.1f\n", elapsed());
} catch (const std::exception& error) {
  std::fprintf(stderr, "%s\n", error.what());
  return 1;
}
