// A web page fetched with nothing but the operating system: the whole of HTTP on one screen.
//
//   look up the name   getaddrinfo    "example.org" -> 93.184.215.14
//   connect            connect        a two-way stream of bytes to that machine
//   ask                send           "GET /page HTTP/1.0", a few headers, an empty line
//   listen             recv           until the other side closes the stream
//
// Every one of these four calls blocks: the thread stands still until the other machine has
// answered. That is the point of lesson 05, and the trouble with it.
//
// We ask in HTTP/1.0, because there the end of the answer is simply the end of the stream. What is
// left out, and what runtime/http/ is about: a server that never answers holds us for ever; an
// answer cut off half-way looks like a complete one; no limit on its size; no redirects, no second
// request on the same connection, no https.
//
// Without an argument it talks to a small server of its own, on another thread.

#include <netdb.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstdio>
#include <cstring>
#include <stdexcept>
#include <string>
#include <thread>

struct Url {
  std::string host, port = "80", path = "/";
};

// http://host[:port][/path]
Url parse(const std::string& text) {
  const std::string scheme = "http://";
  if (text.compare(0, scheme.size(), scheme) != 0) {
    throw std::runtime_error(text + ": only http:// is known here");
  }
  std::string rest = text.substr(scheme.size());
  Url url;
  if (const std::size_t slash = rest.find('/'); slash != std::string::npos) {
    url.path = rest.substr(slash);
    rest.resize(slash);
  }
  if (const std::size_t colon = rest.rfind(':'); colon != std::string::npos) {
    url.port = rest.substr(colon + 1);
    rest.resize(colon);
  }
  url.host = rest;
  return url;
}

[[noreturn]] void fail(const std::string& what, const std::string& why = std::strerror(errno)) {
  throw std::runtime_error(what + ": " + why);
}

// A name can have several addresses (one in IPv6 and one in IPv4, say): the first that answers.
int connect_to(const Url& url) {
  addrinfo hints{}, *found = nullptr;
  hints.ai_socktype = SOCK_STREAM;
  const int code = getaddrinfo(url.host.c_str(), url.port.c_str(), &hints, &found);
  if (code != 0) fail("resolve " + url.host, gai_strerror(code));
  int fd = -1, error = 0;
  for (const addrinfo* a = found; a != nullptr && fd < 0; a = a->ai_next) {
    fd = socket(a->ai_family, a->ai_socktype, a->ai_protocol);
    if (fd >= 0 && connect(fd, a->ai_addr, a->ai_addrlen) != 0) {
      error = errno;
      close(fd);
      fd = -1;
    }
  }
  freeaddrinfo(found);
  if (fd < 0) fail("connect " + url.host + ':' + url.port, std::strerror(error));
  return fd;
}

std::string get(const Url& url) {
  const int fd = connect_to(url);
  const std::string request =
      "GET " + url.path + " HTTP/1.0\r\nHost: " + url.host + "\r\nConnection: close\r\n\r\n";
  // send may take only part of what it is given; then it is asked again with the rest.
  for (std::size_t sent = 0; sent < request.size();) {
    const ssize_t n = send(fd, request.data() + sent, request.size() - sent, MSG_NOSIGNAL);
    if (n < 0) fail("send");
    sent += static_cast<std::size_t>(n);
  }
  std::string answer;
  char buffer[4096];
  ssize_t n;
  while ((n = recv(fd, buffer, sizeof buffer, 0)) > 0) {
    answer.append(buffer, static_cast<std::size_t>(n));
  }
  if (n < 0) fail("receive");
  close(fd);
  return answer;
}

// The other end of the line: hears one question, thinks for 0.3 s, answers and hangs up.
void serve_once(int listener) {
  const int fd = accept(listener, nullptr, nullptr);
  std::string question;
  char buffer[4096];
  while (question.find("\r\n\r\n") == std::string::npos) {
    const ssize_t n = recv(fd, buffer, sizeof buffer, 0);
    if (n <= 0) break;
    question.append(buffer, static_cast<std::size_t>(n));
  }
  std::this_thread::sleep_for(std::chrono::milliseconds(300));
  const std::string answer =
      "HTTP/1.0 200 OK\r\nContent-Type: text/plain\r\n\r\nHello from next door.\n";
  send(fd, answer.data(), answer.size(), MSG_NOSIGNAL);
  close(fd);
}

int main(int argc, char** argv) try {
  if (argc > 2 || (argc == 2 && argv[1][0] == '-')) {
    const bool help = std::strcmp(argv[1], "--help") == 0;
    std::fprintf(help ? stdout : stderr, "usage: %s [http://host[:port][/path]]\n", argv[0]);
    return help ? 0 : 2;
  }
  std::jthread server;  // waits for its end when main leaves
  Url url;
  if (argc == 2) {
    url = parse(argv[1]);
  } else {
    const int listener = socket(AF_INET, SOCK_STREAM, 0);
    sockaddr_in address{};  // port 0: any that is free
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    if (bind(listener, reinterpret_cast<sockaddr*>(&address), size) != 0) fail("bind");
    if (listen(listener, 1) != 0) fail("listen");
    getsockname(listener, reinterpret_cast<sockaddr*>(&address), &size);
    url.host = "127.0.0.1";
    url.port = std::to_string(ntohs(address.sin_port));
    server = std::jthread([listener] { serve_once(listener), close(listener); });
  }

  const auto start = std::chrono::steady_clock::now();
  const std::string answer = get(url);
  const std::chrono::duration<double> elapsed = std::chrono::steady_clock::now() - start;

  const std::size_t blank = answer.find("\r\n\r\n");  // the header block ends with an empty line
  if (blank == std::string::npos) fail("answer", "no HTTP");
  std::printf("%s\n\n", answer.substr(0, answer.find('\r')).c_str());
  std::fwrite(answer.data() + blank + 4, 1, answer.size() - blank - 4, stdout);
  std::printf("\nelapsed time: %.1f\n", elapsed.count());
} catch (const std::exception& error) {
  std::fprintf(stderr, "%s\n", error.what());
  return 1;
}
