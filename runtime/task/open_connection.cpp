#include "runtime/task/open_connection.hpp"

#include <system_error>
#include <utility>
#include <vector>

#include "runtime/net/connect.hpp"
#include "runtime/net/lookup.hpp"
#include "runtime/net/socket.hpp"

namespace simul {

namespace {

TimePoint deadline_of(const OpenOptions& options) {
  return options.timeout == Duration::max() ? kNever : after(Clock::now(), options.timeout);
}

Task<Stream> connect_stream(std::vector<net::Address> addresses, TimePoint deadline,
                            StreamOptions options) {
  net::Address peer = addresses.front();
  net::ConnectOptions how;
  how.deadline = deadline;
  how.peer = options.peer;
  net::Connect connected(std::move(addresses), std::move(how));
  Descriptor socket = co_await connected;
  try {
    peer = net::peer_address(socket.fd());
  } catch (const std::system_error&) {  // it has broken already, which the first read will tell
  }
  co_return Stream(std::move(socket), peer, options);
}

}  // namespace

Task<Stream> open_connection(std::string host, std::uint16_t port, OpenOptions options) {
  const TimePoint deadline = deadline_of(options);
  net::Lookup found(host, port, deadline);
  std::vector<net::Address> addresses = co_await found;
  co_return co_await connect_stream(std::move(addresses), deadline, options.stream);
}

Task<Stream> open_connection(net::Address address, OpenOptions options) {
  return connect_stream({address}, deadline_of(options), options.stream);
}

}  // namespace simul
