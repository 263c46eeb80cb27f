// Several threads listen at one port, each with a socket and a loop of its own, from nothing.
//
// The usual way to share work among threads is one queue and a lock. Here the queue is in the
// kernel, and there are as many as there are threads: sockets that were opened with SO_REUSEPORT
// may be bound to one address, and a connection is put into the queue of one of them, chosen by a
// hash of its addresses and ports. The threads share nothing, not even the listening socket.
#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <thread>
#include <vector>

constexpr int kThreads = 2;
constexpr int kClients = 64;

// A system call that must not fail.
int must(int result, const char* what) {
  if (result >= 0) return result;
  std::perror(what);
  std::exit(1);
}

sockaddr_in loopback(int port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<std::uint16_t>(port));
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  return address;
}

int listen_at(int port) {
  const int fd = must(::socket(AF_INET, SOCK_STREAM, 0), "socket");
  const int yes = 1;
  must(::setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &yes, sizeof yes), "SO_REUSEPORT");
  const sockaddr_in address = loopback(port);
  must(::bind(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address), "bind");
  must(::listen(fd, kClients), "listen");
  return fd;
}

int port_of(int fd) {
  sockaddr_in address{};
  socklen_t size = sizeof address;
  must(::getsockname(fd, reinterpret_cast<sockaddr*>(&address), &size), "getsockname");
  return ntohs(address.sin_port);
}

// A loop: accepts, and answers each byte with its own name. It ends when it is told to, by the end
// of a pipe.
void serve(char name, int listener, int told, int* connections) {
  std::vector<pollfd> watched = {{told, POLLIN, 0}, {listener, POLLIN, 0}};
  while (watched[0].revents == 0) {
    must(::poll(watched.data(), static_cast<nfds_t>(watched.size()), -1), "poll");
    if (watched[1].revents != 0) {
      watched.push_back({must(::accept(listener, nullptr, nullptr), "accept"), POLLIN, 0});
      ++*connections;
    }
    for (std::size_t i = 2; i < watched.size(); ++i) {
      if (watched[i].revents == 0) continue;
      char byte = 0;
      if (::read(watched[i].fd, &byte, 1) == 1 && ::write(watched[i].fd, &name, 1) == 1) continue;
      ::close(watched[i].fd);
      watched[i] = watched.back();
      watched.pop_back();
      --i;  // the one that took its place
    }
  }
  for (std::size_t i = 1; i < watched.size(); ++i) ::close(watched[i].fd);
}

int main() {
  int gate[2];
  must(::pipe(gate), "pipe");
  const int first = listen_at(0);
  const int port = port_of(first);

  int connections[kThreads] = {};
  std::vector<std::thread> threads;
  for (int i = 0; i < kThreads; ++i) {
    const int listener = i == 0 ? first : listen_at(port);
    threads.emplace_back(serve, static_cast<char>('A' + i), listener, gate[0], &connections[i]);
  }

  // Clients of both: they cannot choose, and see by whom they are served.
  std::vector<int> clients;
  int served_by[kThreads] = {};
  for (int i = 0; i < kClients; ++i) {
    const int fd = must(::socket(AF_INET, SOCK_STREAM, 0), "socket");
    const sockaddr_in address = loopback(port);
    must(::connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address), "connect");
    clients.push_back(fd);
  }
  for (const int fd : clients) {
    char name = '?';
    must(static_cast<int>(::write(fd, "?", 1)), "write");
    if (::read(fd, &name, 1) == 1 && name >= 'A' && name < 'A' + kThreads) ++served_by[name - 'A'];
  }
  for (const int fd : clients) ::close(fd);

  ::close(gate[1]);  // each of them sees the end
  for (std::thread& thread : threads) thread.join();
  ::close(gate[0]);
  int all = 0;
  for (int i = 0; i < kThreads; ++i) {
    std::printf("thread %c: %d connections, %d of them served\n", 'A' + i, connections[i],
                served_by[i]);
    all += served_by[i];
  }
  std::printf("%d clients at one port, %d served\n", kClients, all);
}
