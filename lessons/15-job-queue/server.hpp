// Which Redis the scene is played on: somebody's, one that is started for it, or one inside of us.
//
//     REDIS_URL is set            that one; it may be at work for others
//     redis-server is on the PATH that program, on a Unix socket in a folder of its own: no port
//                                 that could be taken, and nobody else can see it
//     neither                     the runtime's own, in this program (redis/mini_server.hpp), on
//                                 the loopback
//
// The invariant: what was started for this object is gone when `stop` has returned; and if nobody
// calls it, the process is killed and the folder removed when the object goes.
#pragma once

#include <stdlib.h>

#include <cerrno>
#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <optional>
#include <stdexcept>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

#include "runtime/base/clock.hpp"
#include "runtime/base/error.hpp"
#include "runtime/reactor/sleep.hpp"
#include "runtime/redis/client.hpp"
#include "runtime/redis/mini_server.hpp"
#include "runtime/task/task.hpp"
#include "runtime/thread/process.hpp"

/// A folder that is gone with all that is in it when the object is.
class TemporaryFolder {
 public:
  TemporaryFolder() {
    path_ = (std::filesystem::temp_directory_path() / "simul.XXXXXX").string();
    if (path_.size() > 80) path_ = "/tmp/simul.XXXXXX";  // a socket's path has 107 bytes at most
    if (::mkdtemp(path_.data()) == nullptr) simul::throw_errno("mkdtemp " + path_);
  }
  ~TemporaryFolder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;

  const std::string& path() const noexcept { return path_; }

 private:
  std::string path_;
};

class RedisServer {
 public:
  /// Chooses, and starts what has to be started. Throws what went wrong.
  simul::Task<> start() {
    const char* given = std::getenv("REDIS_URL");
    if (given != nullptr && *given != '\0') {
      url_ = given;
      is_ = "the one that REDIS_URL names";
      shared_ = true;
    } else if (!co_await start_program()) {
      embedded_.emplace();
      url_ = embedded_->url();
      is_ = "the one inside this program, for there is no redis-server here";
    }
  }

  /// Ends what was started.
  simul::Task<> stop() {
    if (embedded_) {
      embedded_->close();
      co_await embedded_->wait_closed();
      embedded_.reset();
    }
    if (program_) co_await program_->stop();
    program_.reset();
    folder_.reset();
  }

  /// Where it is. A password in it is for programs, not for people.
  const std::string& url() const noexcept { return url_; }

  /// What it is, for people.
  const std::string& is() const noexcept { return is_; }

  /// May others have their jobs there?
  bool shared() const noexcept { return shared_; }

 private:
  simul::Task<bool> start_program() {
    folder_.emplace();
    const std::string socket = folder_->path() + "/redis.sock";
    std::vector<std::string> command = {"redis-server", "--port", "0", "--unixsocket", socket};
    for (const char* word : {"--unixsocketperm", "700", "--save", "", "--appendonly", "no"}) {
      command.emplace_back(word);
    }
    command.insert(command.end(), {"--dir", folder_->path()});
    simul::ProcessOptions options;
    options.in = options.out = simul::Stdio::null();
    options.own_group = true;  // a Ctrl-C is for us; we end it when all others have ended
    try {
      program_.emplace(std::move(command), std::move(options));
    } catch (const std::system_error& error) {
      folder_.reset();
      const bool is_none = error.code() == std::errc::no_such_file_or_directory ||
                           error.code() == std::errc::permission_denied;  // no program, then
      if (is_none) co_return false;
      throw;
    }
    url_ = "unix://" + socket;
    is_ = "a redis-server of our own";
    co_await until_it_answers();
    co_return true;
  }

  // It has no way to tell when it is ready, so we ask until it is.
  simul::Task<> until_it_answers() {
    const simul::TimePoint end = simul::after(simul::Clock::now(), std::chrono::seconds(10));
    for (;;) {
      try {
        const simul::redis::Client client(url_);
        co_return co_await client.connect();
      } catch (const std::exception& error) {
        if (const auto status = program_->poll()) {
          throw std::runtime_error("redis-server " + status->text());
        }
        if (simul::Clock::now() >= end) throw;
      }
      co_await simul::sleep(std::chrono::milliseconds(10));
    }
  }

  std::optional<simul::redis::MiniServer> embedded_;
  std::optional<TemporaryFolder> folder_;
  std::optional<simul::Process> program_;
  std::string url_;
  std::string is_;
  bool shared_ = false;
};
