#include "runtime/redis/mini_server.hpp"

#include <utility>

#include "runtime/net/address.hpp"
#include "runtime/redis/mini_connection.hpp"
#include "runtime/redis/mini_core.hpp"
#include "runtime/redis/url.hpp"

namespace simul::redis {

namespace {

Task<> serve(std::shared_ptr<mini::Core> core, Stream& stream) {
  mini::Connection connection(*core, stream);
  co_await connection.serve();
}

net::Address address_of(const MiniOptions& options) {
  if (!options.path.empty()) return net::Address::unix_path(options.path);
  return net::Address::loopback(options.port);
}

std::string url_of(const MiniOptions& options, const net::Address& address) {
  Url url;
  if (options.path.empty()) {
    url.port = address.port();
  } else {
    url.host.clear();
    url.path = options.path;
  }
  return url.to_string();
}

ServerOptions server_options(const MiniOptions& options) {
  ServerOptions result;
  result.max_connections = options.max_connections;
  result.close_timeout = std::chrono::seconds(1);
  return result;
}

}  // namespace

MiniServer::MiniServer(const MiniOptions& options)
    : MiniServer(options, std::make_shared<mini::Core>(options)) {}

MiniServer::MiniServer(const MiniOptions& options, std::shared_ptr<mini::Core> core)
    : server_(start_server([core](Stream& stream) { return serve(core, stream); },
                           address_of(options), server_options(options))),
      url_(url_of(options, server_.address())) {}

}  // namespace simul::redis
