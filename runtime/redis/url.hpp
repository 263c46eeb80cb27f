// Where a Redis server is, as a URL: what stands in REDIS_URL.
//
//     redis://[[user]:password@]host[:port][/db]         TCP; port 6379 and database 0 unless given
//     unix://[[user]:password@]/path/to.sock[?db=N]      a Unix socket
//
// Either may end in a query, as Python's redis reads it: db, username, password and client_name.
// User, password, host, path and the query's values are percent-decoded. What Python's redis passes
// over in silence (a database that is no number, a path that means nothing) is an error here: a
// worker on the wrong database finds no job and says nothing.
//
// The invariant: a Url is complete, so nothing has to be filled in later; and its text never holds
// the password. TLS (`rediss://`) is not spoken.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace simul::redis {

struct Url {
  /// Throws InvalidUrl. Python: redis.from_url.
  static Url parse(std::string_view text);

  /// What REDIS_URL in the environment says, or 127.0.0.1:6379 if it is not set or empty.
  static Url from_environment();

  /// Without the user, the password and the client's name: `redis://127.0.0.1:6379/0`.
  std::string to_string() const;

  std::string host = "127.0.0.1";  ///< a name or an address without brackets; empty: a Unix socket
  std::uint16_t port = 6379;
  std::string path;         ///< of the Unix socket, absolute; empty: TCP
  int database = 0;         ///< for SELECT
  std::string user;         ///< for AUTH; empty: the default user
  std::string password;     ///< for AUTH; empty: none, no AUTH
  std::string client_name;  ///< for CLIENT SETNAME; empty: none

  bool operator==(const Url&) const = default;
};

}  // namespace simul::redis
