// The socket functions against real loopback and Unix sockets, and what each outcome means.
#include "runtime/net/socket.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/resource.h>
#include <unistd.h>

#include <array>
#include <csignal>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

namespace simul::net {
namespace {

void wait_for(int fd, short events) {
  pollfd entry{fd, events, 0};
  ASSERT_EQ(::poll(&entry, 1, 10000), 1) << "nothing happened in 10 s";
}

// A connected pair of real TCP sockets: (client, server).
std::pair<UniqueFd, UniqueFd> tcp_pair(const Address& where = Address::loopback(0)) {
  UniqueFd listener = listen_on(where);
  const Address address = local_address(listener.get());
  Connecting connecting = start_connect(address);
  wait_for(listener.get(), POLLIN);
  Accepted accepted = accept_from(listener.get());
  EXPECT_EQ(accepted.outcome, Outcome::done);
  if (!connecting.connected) {
    wait_for(connecting.socket.get(), POLLOUT);
    finish_connect(connecting.socket.get(), address);
  }
  EXPECT_EQ(accepted.peer, local_address(connecting.socket.get()));
  EXPECT_EQ(peer_address(connecting.socket.get()), address);
  return {std::move(connecting.socket), std::move(accepted.socket)};
}

std::string receive_all(int fd) {
  std::string all;
  std::array<char, 1000> buffer;
  for (;;) {
    const Transfer got = try_receive(fd, buffer);
    if (got.outcome == Outcome::done)
      all.append(buffer.data(), got.bytes);
    else if (got.outcome == Outcome::would_block)
      wait_for(fd, POLLIN);
    else
      return all;
  }
}

TEST(Socket, BytesGoBothWaysOverTcp) {
  const auto [client, server] = tcp_pair();
  EXPECT_EQ(try_send(client.get(), "ping").bytes, 4u);
  wait_for(server.get(), POLLIN);
  std::array<char, 100> buffer;
  Transfer got = try_receive(server.get(), buffer);
  EXPECT_EQ(got.outcome, Outcome::done);
  EXPECT_EQ(std::string(buffer.data(), got.bytes), "ping");
  EXPECT_EQ(try_send(server.get(), "pong!").bytes, 5u);
  wait_for(client.get(), POLLIN);
  EXPECT_EQ(try_receive(client.get(), buffer).bytes, 5u);
}

TEST(Socket, IPv6WorksWhereTheMachineHasIt) {
  try {
    listen_on(Address::loopback6(0));
  } catch (const std::system_error& error) {
    GTEST_SKIP() << error.what();
  }
  const auto [client, server] = tcp_pair(Address::loopback6(0));
  EXPECT_EQ(try_send(client.get(), "six").bytes, 3u);
  wait_for(server.get(), POLLIN);
  std::array<char, 100> buffer;
  EXPECT_EQ(try_receive(server.get(), buffer).bytes, 3u);
}

TEST(Socket, AnIPv6ListenerLeavesThePortFreeForIPv4) {
  try {
    const UniqueFd six = listen_on(Address::any6(0));
    const std::uint16_t port = local_address(six.get()).port();
    EXPECT_NO_THROW(listen_on(Address::any(port)));
  } catch (const std::system_error& error) {
    GTEST_SKIP() << error.what();
  }
}

TEST(Socket, UnixSocketsWorkByPathAndByAbstractName) {
  const std::string path = "/tmp/simul_socket_test." + std::to_string(::getpid());
  for (const Address& address :
       {Address::unix_path(path), Address::unix_abstract("simul" + std::to_string(::getpid()))}) {
    const UniqueFd listener = listen_on(address);
    EXPECT_EQ(local_address(listener.get()), address);
    const Connecting connecting = start_connect(address);
    EXPECT_TRUE(connecting.connected);
    wait_for(listener.get(), POLLIN);
    const Accepted accepted = accept_from(listener.get());
    ASSERT_EQ(accepted.outcome, Outcome::done);
    EXPECT_EQ(accepted.peer.family(), AF_UNIX);
    EXPECT_EQ(try_send(connecting.socket.get(), "hi").bytes, 2u);
    std::array<char, 10> buffer;
    EXPECT_EQ(try_receive(accepted.socket.get(), buffer).bytes, 2u);
  }
  EXPECT_THROW(listen_on(Address::unix_path(path)), std::system_error);  // the file is still there
  ::unlink(path.c_str());
}

TEST(Socket, EverySocketIsNonBlockingAndClosedOnExec) {
  const auto [client, server] = tcp_pair();
  const SocketPair pair = connected_pair();
  const UniqueFd listener = listen_on(Address::loopback(0));
  for (const int fd :
       {client.get(), server.get(), pair.first.get(), pair.second.get(), listener.get()}) {
    EXPECT_TRUE(::fcntl(fd, F_GETFL) & O_NONBLOCK);
    EXPECT_TRUE(::fcntl(fd, F_GETFD) & FD_CLOEXEC);
  }
}

TEST(Socket, NothingYetIsNotTheEnd) {
  SocketPair pair = connected_pair();
  std::array<char, 10> buffer;
  EXPECT_EQ(try_receive(pair.first.get(), buffer).outcome, Outcome::would_block);
  pair.second.reset();
  EXPECT_EQ(try_receive(pair.first.get(), buffer).outcome, Outcome::end);
}

TEST(Socket, AnEmptyBufferDoesNotLookLikeTheEnd) {
  const SocketPair pair = connected_pair();
  try_send(pair.second.get(), "x");
  EXPECT_EQ(try_receive(pair.first.get(), {}).outcome, Outcome::done);
  EXPECT_EQ(try_send(pair.first.get(), "").outcome, Outcome::done);
}

TEST(Socket, AFullBufferWouldBlockAndTakesMoreOnceItIsRead) {
  SocketPair pair = connected_pair();
  const std::string block(65536, 'x');
  std::size_t sent = 0;
  Transfer last;
  while ((last = try_send(pair.first.get(), block)).outcome == Outcome::done) sent += last.bytes;
  EXPECT_EQ(last.outcome, Outcome::would_block);
  EXPECT_GT(sent, 0u);
  std::array<char, 65536> buffer;
  std::size_t received = 0;
  while ((last = try_receive(pair.second.get(), buffer)).outcome == Outcome::done) {
    received += last.bytes;
  }
  EXPECT_EQ(received, sent);
  EXPECT_EQ(try_send(pair.first.get(), "more").outcome, Outcome::done);
}

TEST(Socket, WritingToAClosedPeerIsAnErrorAndNoSignal) {
  SocketPair pair = connected_pair();
  pair.second.reset();
  const auto before = std::signal(SIGPIPE, SIG_DFL);  // SIGPIPE would end the program here
  const Transfer single = try_send(pair.first.get(), "x");
  const iovec piece{const_cast<char*>("x"), 1};
  const Transfer several = try_send(pair.first.get(), std::span(&piece, 1));
  std::signal(SIGPIPE, before);
  EXPECT_EQ(single.outcome, Outcome::failed);
  EXPECT_EQ(single.error, EPIPE);
  EXPECT_EQ(several.outcome, Outcome::failed);
  EXPECT_EQ(several.error, EPIPE);
}

TEST(Socket, AResetIsAnErrorAndNotTheEnd) {
  auto [client, server] = tcp_pair();
  const linger now{1, 0};
  ASSERT_EQ(::setsockopt(server.get(), SOL_SOCKET, SO_LINGER, &now, sizeof now), 0);
  server.reset();
  wait_for(client.get(), POLLIN);
  std::array<char, 10> buffer;
  const Transfer got = try_receive(client.get(), buffer);
  EXPECT_EQ(got.outcome, Outcome::failed);
  EXPECT_EQ(got.error, ECONNRESET);
}

TEST(Socket, PiecesArriveInOrderAndMoreThanTheSystemTakesAreCutShort) {
  SocketPair pair = connected_pair();
  std::string head = "head ", body = "body";
  const iovec two[] = {{head.data(), head.size()}, {body.data(), body.size()}};
  EXPECT_EQ(try_send(pair.first.get(), two).bytes, 9u);
  const std::vector<iovec> many(3000, iovec{body.data(), 1});
  EXPECT_EQ(try_send(pair.first.get(), many).bytes, 1024u);
  EXPECT_EQ(try_send(pair.first.get(), std::span<const iovec>{}).bytes, 0u);
  pair.first.reset();
  EXPECT_EQ(receive_all(pair.second.get()), "head body" + std::string(1024, 'b'));
}

TEST(Socket, QuietMeansNeitherByteNorEnd) {
  SocketPair pair = connected_pair();
  EXPECT_TRUE(is_quiet(pair.first.get()));
  try_send(pair.second.get(), "x");
  EXPECT_FALSE(is_quiet(pair.first.get()));
  std::array<char, 10> buffer;
  EXPECT_EQ(try_receive(pair.first.get(), buffer).bytes, 1u);  // the look took nothing away
  EXPECT_TRUE(is_quiet(pair.first.get()));
  pair.second.reset();
  EXPECT_FALSE(is_quiet(pair.first.get()));
}

TEST(Socket, ARefusedConnectionNamesTheAddress) {
  Address closed;
  {
    const UniqueFd listener = listen_on(Address::loopback(0));
    closed = local_address(listener.get());
  }
  try {
    const Connecting connecting = start_connect(closed);
    if (!connecting.connected) {
      wait_for(connecting.socket.get(), POLLOUT);
      finish_connect(connecting.socket.get(), closed);
    }
    ADD_FAILURE() << "connected to a closed port";
  } catch (const std::system_error& error) {
    EXPECT_EQ(error.code().value(), ECONNREFUSED);
    EXPECT_EQ(std::string(error.what()), "connect " + closed.to_string() + ": Connection refused");
  }
}

TEST(Socket, AConnectionToItselfCountsAsRefused) {
  // What the kernel does by accident, when it picks the wanted port for a client's own end.
  const UniqueFd fd(::socket(AF_INET, SOCK_STREAM, 0));
  const Address any_port = Address::loopback(0);
  ASSERT_EQ(::bind(fd.get(), any_port.data(), any_port.size()), 0);
  const Address self = local_address(fd.get());
  ASSERT_EQ(::connect(fd.get(), self.data(), self.size()), 0);
  try {
    finish_connect(fd.get(), self);
    ADD_FAILURE() << "a socket that talks to itself passed for a connection";
  } catch (const std::system_error& error) {
    EXPECT_EQ(error.code().value(), ECONNREFUSED);
  }
}

TEST(Socket, ListeningTwiceOnAPortNamesTheAddress) {
  const UniqueFd listener = listen_on(Address::loopback(0));
  const Address taken = local_address(listener.get());
  try {
    listen_on(taken);
    ADD_FAILURE() << "two listeners on one port";
  } catch (const std::system_error& error) {
    EXPECT_EQ(std::string(error.what()),
              "listen " + taken.to_string() + ": Address already in use");
  }
}

TEST(Socket, ARestartedServerGetsItsPortBack) {
  UniqueFd listener = listen_on(Address::loopback(0));
  const Address address = local_address(listener.get());
  Connecting client = start_connect(address);
  wait_for(listener.get(), POLLIN);
  Accepted server = accept_from(listener.get());
  server.socket.reset();  // closes first, so its side lingers in TIME_WAIT
  client.socket.reset();
  listener.reset();
  EXPECT_NO_THROW(listen_on(address));
}

TEST(Socket, AnEmptyQueueWouldBlock) {
  const UniqueFd listener = listen_on(Address::loopback(0));
  EXPECT_EQ(accept_from(listener.get()).outcome, Outcome::would_block);
}

TEST(Socket, AConnectionThatBrokeInTheQueueIsAcceptedOrSkippedButNeverAnError) {
  const UniqueFd listener = listen_on(Address::loopback(0));
  Connecting client = start_connect(local_address(listener.get()));
  wait_for(listener.get(), POLLIN);
  const linger now{1, 0};
  ::setsockopt(client.socket.get(), SOL_SOCKET, SO_LINGER, &now, sizeof now);
  client.socket.reset();
  EXPECT_NE(accept_from(listener.get()).outcome, Outcome::failed);
}

TEST(Socket, NoMoreDescriptorsIsReportedWithItsErrno) {
  const UniqueFd listener = listen_on(Address::loopback(0));
  const Connecting client = start_connect(local_address(listener.get()));
  wait_for(listener.get(), POLLIN);
  rlimit before{};
  ASSERT_EQ(::getrlimit(RLIMIT_NOFILE, &before), 0);
  const rlimit none{3, before.rlim_max};
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &none), 0);
  const Accepted accepted = accept_from(listener.get());
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &before), 0);
  EXPECT_EQ(accepted.outcome, Outcome::failed);
  EXPECT_EQ(accepted.error, EMFILE);
  EXPECT_EQ(accept_from(listener.get()).outcome, Outcome::done);
}

TEST(Socket, NoDelayIsSetOnTcpAndHarmlessElsewhere) {
  const auto [client, server] = tcp_pair();
  set_no_delay(client.get());
  int value = 0;
  socklen_t size = sizeof value;
  ASSERT_EQ(::getsockopt(client.get(), IPPROTO_TCP, TCP_NODELAY, &value, &size), 0);
  EXPECT_NE(value, 0);
  set_no_delay(connected_pair().first.get());
}

}  // namespace
}  // namespace simul::net
