// A push server from nothing: what one client sends, all others get, and nobody has asked.
//
//   client                                       server
//   ------                                       ------
//   GET / ... Upgrade: websocket        --->
//                                       <---     101 Switching Protocols; from here on, frames
//   81 | 85 | 4 bytes of mask | hello   --->     unmasked, and framed anew for all others
//                                       <---     81 | 05 | hello
//
// HTTP for one request and one answer; then either side speaks when it likes. A frame is 0x81 (a
// text, whole), its length, from a client a mask (so that no page can make a browser write bytes of
// its own choice), and the text.
//
// The invariant: the loop never waits for a client. What one does not take at once stays in its
// `out`, and a client for whom too much piles up is cut off.
//
// Without an argument it plays with two clients of its own. With a port it serves, and in a
// browser's console:  ws = new WebSocket("ws://127.0.0.1:8000"); ws.onmessage = m => alert(m.data)
#include <arpa/inet.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <list>
#include <string>
#include <vector>

// ---- What the handshake asks for: base64(SHA-1(the client's key + a fixed text)) ----

std::string sha1(std::string text) {
  const std::uint64_t bits = text.size() * 8;
  text += '\x80';
  while (text.size() % 64 != 56) text += '\0';
  for (int shift = 56; shift >= 0; shift -= 8) text += static_cast<char>(bits >> shift);
  auto rotate = [](std::uint32_t x, int by) { return x << by | x >> (32 - by); };
  std::uint32_t h[5] = {0x67452301, 0xEFCDAB89, 0x98BADCFE, 0x10325476, 0xC3D2E1F0};
  for (std::size_t block = 0; block < text.size(); block += 64) {
    std::uint32_t w[80] = {};
    for (int i = 0; i < 64; ++i)
      w[i / 4] = w[i / 4] << 8 | static_cast<unsigned char>(text[block + i]);
    for (int i = 16; i < 80; ++i) w[i] = rotate(w[i - 3] ^ w[i - 8] ^ w[i - 14] ^ w[i - 16], 1);
    std::uint32_t a = h[0], b = h[1], c = h[2], d = h[3], e = h[4];
    for (int i = 0; i < 80; ++i) {
      const std::uint32_t f = i < 20   ? ((b & c) | (~b & d)) + 0x5A827999
                              : i < 40 ? (b ^ c ^ d) + 0x6ED9EBA1
                              : i < 60 ? ((b & c) | (b & d) | (c & d)) + 0x8F1BBCDC
                                       : (b ^ c ^ d) + 0xCA62C1D6;
      const std::uint32_t next = rotate(a, 5) + f + e + w[i];
      e = d, d = c, c = rotate(b, 30), b = a, a = next;
    }
    h[0] += a, h[1] += b, h[2] += c, h[3] += d, h[4] += e;
  }
  std::string digest;
  for (int i = 0; i < 20; ++i) digest += static_cast<char>(h[i / 4] >> (24 - i % 4 * 8));
  return digest;
}

std::string base64(const std::string& bytes) {  // of 20 bytes: the last group lacks one
  const char* letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string text;
  for (std::size_t i = 0; i < bytes.size() * 8; i += 6) {
    const int two = static_cast<unsigned char>(bytes[i / 8]) << 8 |
                    (i / 8 + 1 < bytes.size() ? static_cast<unsigned char>(bytes[i / 8 + 1]) : 0);
    text += letters[two >> (10 - i % 8) & 63];
  }
  return text + "=";
}

// ---- The server ----

struct Client {
  int fd;
  bool open = false;  // has shaken hands
  bool gone = false;
  std::string in{}, out{};
};
std::list<Client> clients;

void shake_hands(Client& client) {
  const std::size_t end = client.in.find("\r\n\r\n");
  if (end == client.in.npos) return;
  const std::size_t key = client.in.find("Sec-WebSocket-Key: ");
  if (key > end) return void(client.gone = true);  // it wants something else
  const std::string fixed = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
  client.out +=
      "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
      "Sec-WebSocket-Accept: " +
      base64(sha1(client.in.substr(key + 19, 24) + fixed)) + "\r\n\r\n";
  client.in.erase(0, end + 4);
  client.open = true;
}

bool take_frame(Client& client) {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(client.in[i]); };
  if (!client.open || client.in.size() < 6) return false;
  const std::size_t length = byte(1) & 127;  // 126 and 127 announce longer ones: not here
  if (byte(0) != 0x81 || length > 125) return !(client.gone = true);
  if (client.in.size() < 6 + length) return false;
  std::string text = {'\x81', static_cast<char>(length)};
  for (std::size_t i = 0; i < length; ++i) text += static_cast<char>(byte(6 + i) ^ byte(2 + i % 4));
  client.in.erase(0, 6 + length);
  for (Client& other : clients)
    if (&other != &client && other.open) other.out += text;
  return true;
}

// Waits for something to happen, and deals with it. False: nothing has, for so many milliseconds.
bool turn(int listener, int patience) {
  std::vector<pollfd> fds = {{listener, POLLIN, 0}};
  for (const Client& c : clients)
    fds.push_back({c.fd, static_cast<short>(POLLIN | (c.out.empty() ? 0 : POLLOUT)), 0});
  if (poll(fds.data(), fds.size(), patience) <= 0) return false;
  std::size_t i = 1;
  for (Client& client : clients) {
    if (fds[i++].revents == 0) continue;
    char buffer[4096];
    const ssize_t got = recv(client.fd, buffer, sizeof buffer, MSG_DONTWAIT);
    if (got > 0) client.in.append(buffer, static_cast<std::size_t>(got));
    client.gone |= got == 0 || (got < 0 && errno != EAGAIN);
    if (!client.open) shake_hands(client);
    while (take_frame(client)) continue;
  }
  for (Client& client : clients) {
    const ssize_t sent = send(client.fd, client.out.data(), client.out.size(), MSG_DONTWAIT);
    if (sent > 0) client.out.erase(0, static_cast<std::size_t>(sent));
    client.gone |= client.out.size() > 1'000'000 || client.in.size() > 10'000;
    if (client.gone) close(client.fd);
  }
  clients.remove_if([](const Client& client) { return client.gone; });
  if (fds[0].revents != 0) clients.push_back({accept(listener, nullptr, nullptr)});
  return true;
}

// The clients of our own: plain sockets, and while they wait the server has its turns.
int connect_to(const sockaddr_in& address) {
  const int fd = socket(AF_INET, SOCK_STREAM, 0);
  const auto* where = reinterpret_cast<const sockaddr*>(&address);
  if (connect(fd, where, sizeof address) != 0) std::perror("connect");
  return fd;
}

void tell(int listener, int fd, const std::string& bytes) {
  if (send(fd, bytes.data(), bytes.size(), 0) < 0) std::perror("send");
  while (turn(listener, 100)) continue;
}

void hear(const char* who, int fd) {
  char text[4096] = {};
  if (recv(fd, text, sizeof text - 1, MSG_DONTWAIT) <= 0)
    std::printf("%s hears nothing.\n", who);
  else if (text[0] == '\x81')
    std::printf("%s hears 81 %02x, and then: %s\n", who, text[1], text + 2);
  else
    std::printf("%s hears:\n%s", who, text);
}

int main(int argc, char** argv) {
  std::signal(SIGPIPE, SIG_IGN);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  address.sin_port = htons(static_cast<std::uint16_t>(argc > 1 ? std::atoi(argv[1]) : 0));
  socklen_t size = sizeof address;
  const int listener = socket(AF_INET, SOCK_STREAM, 0), on = 1;
  setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  if (bind(listener, reinterpret_cast<sockaddr*>(&address), size) != 0 || listen(listener, 100))
    return std::perror("listen"), 1;
  while (argc > 1) turn(listener, -1);

  getsockname(listener, reinterpret_cast<sockaddr*>(&address), &size);
  const int ann = connect_to(address), ben = connect_to(address);
  for (const int fd : {ann, ben}) {
    tell(listener, fd,
         "GET / HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
         "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n");
    hear(fd == ann ? "Ann" : "Ben", fd);
  }
  std::printf("Ann sends: hello\n");
  tell(listener, ann, {'\x81', '\x85', 1, 2, 3, 4, 'h' ^ 1, 'e' ^ 2, 'l' ^ 3, 'l' ^ 4, 'o' ^ 1});
  hear("Ben", ben);
  hear("Ann", ann);
}
