// A pool of connections from nothing.
//
// It is lesson 10's queue once more, but what is in it comes back: whoever has taken a connection
// gives it to the next in line, or puts it down for whoever comes later. There may be only so many,
// so what one takes is not always a connection. It may be the room for one.
//
//     acquire     an idle connection, if there is one:    use it again
//                 else room for one more, if there is:    open it
//                 else:                                   stand in line
//     give_back   somebody stands in line:                it is his at once
//                 nobody does:                            it is idle
//
// One thing can always go wrong: the server hangs up on a connection that is idle, and we find out
// when we use it. Then we ask once more, on a new connection in the same room. That is right for a
// question that may be asked twice, and only if the connection had been used before.
//
// A connection here is a pair of sockets with a thread at the other end, a server that answers two
// questions and hangs up without a warning. A question is a line, and so is an answer; how HTTP
// finds the end of an answer was lesson 05.
//
// What runtime/web/connection_pool.hpp does beyond this: several hosts, with a limit for each and
// one for all; waiters that are cancelled or out of time; connections that were idle for too long.
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <chrono>
#include <coroutine>
#include <cstdio>
#include <cstdlib>
#include <deque>
#include <exception>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>
#include <vector>

using namespace std::chrono;
using Frame = std::coroutine_handle<>;

// ---- The loop: lesson 10's, with descriptors in the place of alarms ----

std::deque<Frame> ready;
std::vector<std::pair<pollfd, Frame>> waiting;

void run() {
  while (!ready.empty() || !waiting.empty()) {
    if (ready.empty()) {
      std::vector<pollfd> asked;
      for (const auto& [descriptor, frame] : waiting) asked.push_back(descriptor);
      poll(asked.data(), asked.size(), -1);  // the only place where anything blocks
      for (std::size_t i = asked.size(); i-- > 0;) {
        if (asked[i].revents == 0) continue;
        ready.push_back(waiting[i].second);
        waiting.erase(waiting.begin() + static_cast<std::ptrdiff_t>(i));
      }
    }
    const Frame next = ready.front();
    ready.pop_front();
    next.resume();
  }
}

struct Readable {
  int fd;

  bool await_ready() const { return false; }
  void await_suspend(Frame me) const { waiting.push_back({{fd, POLLIN, 0}, me}); }
  void await_resume() const {}
};

struct Task {  // begins when it is called, and nobody waits for its end
  struct promise_type {
    Task get_return_object() { return {}; }
    std::suspend_never initial_suspend() { return {}; }
    std::suspend_never final_suspend() noexcept { return {}; }
    void return_void() {}
    void unhandled_exception() { std::terminate(); }
  };
};

// ---- The server ----

std::vector<std::jthread> server;  // one thread for each connection

void serve(int fd) {
  char question[100];
  for (int answers = 0; answers < 2; ++answers) {
    const ssize_t size = recv(fd, question, sizeof question - 1, 0);
    if (size <= 0) break;
    question[size] = '\0';
    std::this_thread::sleep_for(milliseconds(std::atoi(question + 1)));  // "/300"
    send(fd, "here you are\n", 13, MSG_NOSIGNAL);
  }
  close(fd);
}

// ---- The pool ----

struct Connection {
  int fd = -1;  // none: only the room for one
  std::size_t number = 0;
};

Connection open_connection() {
  int ends[2];
  if (socketpair(AF_UNIX, SOCK_STREAM, 0, ends) < 0) throw std::runtime_error("socketpair");
  server.emplace_back(serve, ends[1]);
  return {ends[0], server.size()};
}

class Pool {
 public:
  explicit Pool(int limit) : room_(limit) {}

  // What `co_await pool.acquire()` waits in.
  struct Acquire {
    Pool& pool;
    Connection mine;
    Frame me;

    bool await_ready() {
      if (pool.idle_.empty()) return pool.room_ > 0 && pool.room_-- > 0;
      mine = pool.idle_.back();  // the one that was used last is the least likely to be stale
      pool.idle_.pop_back();
      return true;
    }
    void await_suspend(Frame frame) {
      me = frame;
      pool.line_.push_back(this);
    }
    Connection await_resume() const { return mine; }
  };
  Acquire acquire() { return {*this, {}, nullptr}; }

  void give_back(Connection connection) {
    if (line_.empty()) return idle_.push_back(connection);
    line_.front()->mine = connection;
    ready.push_back(line_.front()->me);
    line_.pop_front();
  }

  void close_idle() {
    for (const Connection& connection : std::exchange(idle_, {})) close(connection.fd);
  }

 private:
  int room_;
  std::vector<Connection> idle_;
  std::deque<Acquire*> line_;
};

// ---- The tasks ----

Task get(Pool& pool, const char* name, std::string path) {
  Connection connection = co_await pool.acquire();
  for (;;) {
    const bool reused = connection.fd >= 0;
    if (!reused) connection = open_connection();
    std::printf("%-5s asks for %s on %s connection %zu\n", name, path.c_str(),
                reused ? "the old" : "a new", connection.number);
    send(connection.fd, path.data(), path.size(), MSG_NOSIGNAL);
    co_await Readable{connection.fd};
    char answer[100];
    if (recv(connection.fd, answer, sizeof answer, 0) > 0) break;
    close(connection.fd);
    if (!reused) throw std::runtime_error("a server that never answers");
    std::printf("%-5s was hung up on\n", name);
    connection = {};  // the room is still his
  }
  std::printf("%-5s has %s\n", name, path.c_str());
  pool.give_back(connection);
}

int main() {
  const auto start = steady_clock::now();
  Pool pool(2);
  get(pool, "One", "/300");
  get(pool, "Two", "/100");
  get(pool, "Three", "/100");
  get(pool, "Four", "/200");
  get(pool, "Five", "/200");
  std::printf("All five have begun, and three of them stand in line.\n");
  run();
  std::printf("%.1f s\n", duration<double>(steady_clock::now() - start).count());
  pool.close_idle();  // the server's threads see it, and end
}
