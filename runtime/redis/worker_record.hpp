// A worker's entry in the books: the hash by which others see that it lives and what it does.
//
// The hash expires unless it is refreshed. As long as it is there its owner counts as alive: the
// jobs that it has taken are left to it, and nobody else takes its name. The invariant: whatever is
// written to it, its lifetime is set in the same transaction, so that a hash that nobody owns any
// more never stays. (rq.worker.Worker.register_birth and the like)
#pragma once

#include <optional>
#include <stdexcept>
#include <string>

#include "runtime/redis/command.hpp"
#include "runtime/redis/job.hpp"
#include "runtime/redis/worker_context.hpp"
#include "runtime/task/task.hpp"

namespace simul::redis {

/// The version of RQ whose layout this is.
inline constexpr const char* kRqVersion = "1.13.0";

/// A living worker has the name already.
class NameTaken : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

class WorkerRecord {
 public:
  explicit WorkerRecord(WorkerContext& worker);

  /// Enters it. Throws NameTaken.
  Task<> be_born();

  /// Enters it again, after the hash was lost.
  Task<> be_born_again();

  /// Takes it off the lists, those of what it has taken (which must be empty) among them; the hash
  /// stays for a minute, with the time of death.
  Task<> die();

  /// It is "idle", "busy", "suspended" or "started".
  Task<> set_state(std::string state);

  /// Parts of a transaction: a sign of life, perhaps with the job that it is at; a job begins; one
  /// has ended, and `next` is another one that it is at ("": none), `seconds` how long it took.
  /// `success`: nothing if it was given back.
  void beat(Transaction& out) const;
  void beat(Transaction& out, const std::string& current) const;
  void begin(Transaction& out, const std::string& id) const;
  void end(Transaction& out, const std::string& next, std::optional<bool> success,
           double seconds) const;

  const std::string& key() const noexcept { return key_; }

 private:
  void enter(Transaction& out) const;
  void enlist(Transaction& out) const;

  WorkerContext& worker_;
  std::string key_;
  WallTime birth_ = wall_now();
};

}  // namespace simul::redis
