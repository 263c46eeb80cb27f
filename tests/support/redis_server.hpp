// redis-server, if this machine has it, as a server of a test's own on a Unix socket in a folder of
// its own.
//
//     RedisServer server;                                  // or ({.persistent = true})
//     if (server.url().empty()) GTEST_SKIP() << "redis-server is not installed";
//     redis::Client client(server.url());
//     server.kill();                                       // kill -9, as a crash
//     server.start();                                      // again, on what was persisted
//
// It ends with the object, and its files with it. Not for: anything that must run everywhere.
#pragma once

#include <poll.h>
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>
#include <system_error>
#include <thread>
#include <vector>

#include "runtime/net/address.hpp"
#include "runtime/net/socket.hpp"
#include "tests/support/child.hpp"
#include "tests/support/temp_dir.hpp"

namespace simul::testing {

class RedisServer {
 public:
  struct Options {
    bool persistent = false;               ///< append-only file, written with every command
    bool tcp = false;                      ///< on a free port of the loopback, too: `tcp_url`
    std::vector<std::string> arguments{};  ///< more of them: {"--requirepass", "secret"}
  };

  /// Starts it and waits until it answers. Throws std::runtime_error if it does not within ten
  /// seconds.
  RedisServer() : RedisServer(Options{}) {}
  explicit RedisServer(Options options) : options_(std::move(options)), program_(find()) {
    if (program_.empty()) return;
    if (options_.tcp) {
      port_ = net::local_address(net::listen_on(net::Address::loopback(0)).get()).port();
    }
    start();
  }

  /// `unix:///tmp/.../redis.sock?db=0`; "" if there is no redis-server here.
  std::string url() const { return program_.empty() ? "" : "unix://" + socket() + "?db=0"; }

  /// `redis://127.0.0.1:<port>/0`, with Options::tcp.
  std::string tcp_url() const {
    return program_.empty() ? "" : "redis://127.0.0.1:" + std::to_string(port_) + "/0";
  }

  /// Starts it again after `kill`.
  void start() {
    std::vector<std::string> command = {program_,
                                        "--port",
                                        std::to_string(port_),
                                        "--bind",
                                        "127.0.0.1",
                                        "--unixsocket",
                                        socket(),
                                        "--dir",
                                        folder_.path().string(),
                                        "--save",
                                        "",
                                        "--loglevel",
                                        "warning",
                                        "--logfile",
                                        (folder_ / "log").string(),
                                        "--enable-debug-command",
                                        "yes"};
    if (options_.persistent) {
      for (const char* word : {"--appendonly", "yes", "--appendfsync", "always"}) {
        command.emplace_back(word);
      }
    }
    command.insert(command.end(), options_.arguments.begin(), options_.arguments.end());
    server_ = std::make_unique<Child>(command);
    for (int i = 0; !answers(); ++i) {  // it has no way to tell when it is ready
      if (i == 1000) throw std::runtime_error("redis-server did not start");
      std::this_thread::sleep_for(std::chrono::milliseconds(10));
    }
  }

  /// kill -9, and waits until it is dead. What was not persisted is gone.
  void kill() { server_.reset(); }

  /// Stops it in its tracks, as a machine that hangs; and lets it go on.
  void freeze() const { server_->signal(SIGSTOP); }
  void thaw() const { server_->signal(SIGCONT); }

 private:
  static std::string find() {
    for (const char* path : {"/usr/bin/redis-server", "/usr/local/bin/redis-server",
                             "/opt/homebrew/bin/redis-server"}) {
      if (::access(path, X_OK) == 0) return path;
    }
    return "";
  }

  std::string socket() const { return (folder_ / "redis.sock").string(); }

  // Does it say something other than that it is still loading?
  bool answers() const {
    try {
      net::Connecting connecting = net::start_connect(net::Address::unix_path(socket()));
      net::try_send(connecting.socket.get(), std::string_view("PING\r\n"));
      pollfd readable{connecting.socket.get(), POLLIN, 0};
      if (::poll(&readable, 1, 1000) != 1) return false;
      char buffer[256];
      const net::Transfer got = net::try_receive(connecting.socket.get(), buffer);
      return got.outcome == net::Outcome::done &&
             !std::string_view(buffer, got.bytes).starts_with("-LOADING");
    } catch (const std::system_error&) {
      return false;
    }
  }

  Options options_;
  std::string program_;
  TempDir folder_;
  std::uint16_t port_ = 0;
  std::unique_ptr<Child> server_;
};

}  // namespace simul::testing
