// An event-driven web server from nothing: one thread, poll(2), and a state for each connection.
//
//     poll() --> somebody knocks: accept     --> a Connection
//            --> bytes have come: receive    --> requests, as many as are whole --> answers
//            --> the peer takes bytes: send  --> what is left of the answers
//
// A thread that serves one client has its place in the conversation on its stack. Here nobody has a
// stack of his own, so what has come so far and what is still to be sent are kept in an object, and
// the code is turned inside out: not "read, answer, write", but "what can this one do now?"
//
// The invariant: no call but poll() waits, and for no client is more kept than the limits say. It
// knows of HTTP what it needs: GET, requests behind each other on one connection, "close". It knows
// no time limits: who connects and says nothing stays.
#include <arpa/inet.h>
#include <fcntl.h>
#include <poll.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <climits>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <thread>
#include <vector>

constexpr std::size_t kMostHead = 8 * 1024;      // bytes of a request
constexpr std::size_t kMostUnsent = 64 * 1024;   // bytes of answers: beyond, nothing more is read
constexpr std::size_t kMostConnections = 1'000;  // beyond, they wait in the kernel's queue

struct Connection {
  int fd;
  std::string received{};  // of requests that are not whole yet
  std::string unsent{};    // answers
  bool over = false;       // no request is looked at any more
};

int check(int result, const char* what) {
  if (result < 0) std::perror(what), std::exit(1);
  return result;
}

// ---- HTTP, as much as there is of it ----

void answer(Connection& to, const std::string& status, const std::string& body) {
  to.unsent += "HTTP/1.1 " + status + "\r\nContent-Length: " + std::to_string(body.size()) +
               (to.over ? "\r\nConnection: close\r\n\r\n" : "\r\n\r\n") + body;
}

// What stands behind "\r\nName:", without the blanks in front; null if there is no such line.
const char* field(const std::string& head, const std::string& name) {
  for (std::size_t at = 0; (at = head.find("\r\n", at)) != head.npos;) {
    at += 2;
    if (strncasecmp(head.c_str() + at, name.c_str(), name.size()) != 0) continue;
    return head.c_str() + head.find_first_not_of(" \t", at + name.size());
  }
  return nullptr;
}

void answer_whole_requests(Connection& client) {
  while (!client.over) {
    const std::size_t end = client.received.find("\r\n\r\n");
    const bool too_long = std::min(end, client.received.size()) > kMostHead;
    if (end == std::string::npos && !too_long) return;  // the rest of it will come
    const std::string head = client.received.substr(0, too_long ? 0 : end + 2);
    client.received.erase(0, too_long ? std::string::npos : end + 4);
    const std::string line = head.substr(0, head.find("\r\n"));
    const std::string path = line.substr(0, line.find(' ', 4));  // "GET /path"
    const char* wish = field(head, "Connection:");
    client.over = true;  // also behind every refusal: where would the next request begin?
    if (too_long) {
      answer(client, "431 Request Header Fields Too Large", "");
    } else if (field(head, "Content-Length:") || field(head, "Transfer-Encoding:")) {
      answer(client, "413 Content Too Large", "");
    } else if (!path.starts_with("GET /") || line != path + " HTTP/1.1" || !field(head, "Host:")) {
      answer(client, "400 Bad Request", "");
    } else {
      client.over = wish != nullptr && strncasecmp(wish, "close", 5) == 0;
      answer(client, "200 OK", "You asked for " + path.substr(4) + "\n");
    }
  }
}

// ---- The loop ----

bool is_lasting() {
  return errno != EAGAIN && errno != EWOULDBLOCK && errno != EINTR;
}

// Does what this one can do now. False: it is to be closed.
bool go_on(Connection& client, short ready) {
  if ((ready & ~POLLOUT) != 0) {
    char bytes[4096];
    const ssize_t got = recv(client.fd, bytes, sizeof bytes, 0);
    if (got == 0 || (got < 0 && is_lasting())) return false;
    if (got > 0 && !client.over) client.received.append(bytes, static_cast<std::size_t>(got));
    answer_whole_requests(client);
  }
  if (client.unsent.empty()) return true;
  const ssize_t sent = send(client.fd, client.unsent.data(), client.unsent.size(), 0);
  if (sent < 0 && is_lasting()) return false;
  if (sent > 0) client.unsent.erase(0, static_cast<std::size_t>(sent));
  // Not closed before the peer closes: with bytes unread that would be a reset, and destroy
  // answers.
  if (client.over && client.unsent.empty()) shutdown(client.fd, SHUT_WR);
  return true;
}

void serve(int listener, int connections_in_all) {
  std::vector<Connection> clients;
  while (connections_in_all > 0 || !clients.empty()) {
    std::vector<pollfd> fds;
    for (const Connection& client : clients) {
      const int hears = client.unsent.size() < kMostUnsent ? POLLIN : 0;
      const int speaks = client.unsent.empty() ? 0 : POLLOUT;
      fds.push_back({client.fd, static_cast<short>(hears | speaks), 0});
    }
    const bool open = connections_in_all > 0 && clients.size() < kMostConnections;
    fds.push_back({open ? listener : -1, POLLIN, 0});
    if (poll(fds.data(), fds.size(), -1) < 0) continue;  // a signal came
    for (std::size_t i = clients.size(); i-- > 0;) {
      if (fds[i].revents == 0 || go_on(clients[i], fds[i].revents)) continue;
      close(clients[i].fd);
      clients.erase(clients.begin() + static_cast<std::ptrdiff_t>(i));
    }
    const int fd = fds.back().revents == 0 ? -1 : accept(listener, nullptr, nullptr);
    if (fd < 0) continue;  // nobody, or he has gone again
    check(fcntl(fd, F_SETFL, O_NONBLOCK), "fcntl");
    clients.push_back({fd});
    --connections_in_all;
  }
}

// ---- The example ----

int connect_to(const sockaddr_in& server) {
  const int fd = check(socket(AF_INET, SOCK_STREAM, 0), "socket");
  check(connect(fd, reinterpret_cast<const sockaddr*>(&server), sizeof server), "connect");
  return fd;
}

// Says `text`, and prints the bodies of so many answers.
void ask(int fd, const char* who, const std::string& text, int answers) {
  send(fd, text.data(), text.size(), 0);
  std::printf("%s says %zu bytes\n", who, text.size());
  std::string got;
  for (char byte; answers > 0 && recv(fd, &byte, 1, 0) == 1;) {
    got = byte == '\n' && got.ends_with("\r") ? "" : got + byte;
    if (byte != '\n' || got.empty()) continue;
    std::printf("%s hears: %s", who, got.c_str());
    got.clear(), --answers;
  }
}

int main(int argc, char** argv) {
  signal(SIGPIPE, SIG_IGN);  // who has gone is an error of send(), and not our end
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  address.sin_port = htons(static_cast<in_port_t>(argc > 1 ? std::atoi(argv[1]) : 0));
  socklen_t size = sizeof address;
  const int listener = check(socket(AF_INET, SOCK_STREAM, 0), "socket");
  const int yes = 1;
  setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
  check(bind(listener, reinterpret_cast<sockaddr*>(&address), size), "bind");
  check(listen(listener, SOMAXCONN), "listen");
  check(fcntl(listener, F_SETFL, O_NONBLOCK), "fcntl");
  check(getsockname(listener, reinterpret_cast<sockaddr*>(&address), &size), "getsockname");
  if (argc > 1) serve(listener, INT_MAX);  // until Ctrl-C

  std::thread server([&] { serve(listener, 2); });
  const int one = connect_to(address), two = connect_to(address);
  ask(one, "One", "GET /slow HTTP/1.1\r\nHo", 0);
  ask(two, "Two", "GET /a HTTP/1.1\r\nHost: x\r\n\r\nGET /b HTTP/1.1\r\nHost: x\r\n\r\n", 2);
  ask(one, "One", "st: x\r\nConnection: close\r\n\r\n", 1);
  close(one), close(two);
  server.join();
  close(listener);
}
