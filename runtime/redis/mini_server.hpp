// A Redis server inside this program, for machines that have none.
//
//     redis::MiniServer server;                        // or ({.port = 6379})
//     redis::Client client(server.url());              // "redis://127.0.0.1:40031/0"
//     ...
//     server.close();  co_await server.wait_closed();
//
//     accept loop of task/server --> a task for each connection      mini_connection
//                                        | requests                  resp, the client's own reader
//                                        v
//                                    perform: one command, whole     mini_core
//                                        |
//                                    the table of commands           mini_commands
//                                        |
//                                    keys and values                 mini_store, mini_values
//
// It is the server to the client of this folder: the same protocol code, the same reactor, and just
// the commands that a job queue, its workers and Python's RQ use, plus those next to them that cost
// nothing. What it answers, errors included, is what Redis 7.0 answers.
//
// It is no database. All is in memory and goes with the object: nothing is written to disk. The
// memory for keys and values has no limit; there is no password, no TLS, no script, no cluster, and
// only this machine can reach it. Whatever its clients do, they cost it no more than the options
// say, apart from what they store.
#pragma once

#include <cstddef>
#include <memory>
#include <string>

#include "runtime/redis/mini_options.hpp"
#include "runtime/sync/event.hpp"
#include "runtime/task/server.hpp"

namespace simul::redis {

namespace mini {
class Core;
}

/// Serves from the moment it is made, whenever the loop of its thread turns, until it is closed.
/// Move-only. Thread: that of the reactor that was current when it was made, which must outlive it;
/// its clients may be anywhere on this machine.
class [[nodiscard]] MiniServer {
 public:
  /// Throws std::system_error: "listen 127.0.0.1:6379: Address already in use".
  explicit MiniServer(const MiniOptions& options = {});

  /// Where it is: `redis://127.0.0.1:<port>/0` or `unix:///path`. For REDIS_URL, too.
  const std::string& url() const noexcept { return url_; }

  /// How many clients it has at the moment.
  std::size_t connections() const noexcept { return server_.connections(); }

  /// Closes all connections; what was stored is gone when they are.
  void close() noexcept { server_.cancel(); }

  /// Waits until it is closed and nothing of it runs any more.
  Event::SetWait wait_closed() noexcept { return server_.wait_closed(); }

 private:
  MiniServer(const MiniOptions& options, std::shared_ptr<mini::Core> core);

  Server server_;
  std::string url_;
};

}  // namespace simul::redis
