// A Lua script that runs inside the server.
//
// The server keeps scripts by the hash of their text, so the text is sent only to a server that
// does not know it: on the first run, and after the server has forgotten it (a restart, SCRIPT
// FLUSH), which it says by the error NOSCRIPT. That error means that nothing was run, so to send
// the script again is no second time.
//
// The invariant: a Script whose hash is known was accepted by some server. (redis-py: Script)
#pragma once

#include <memory>
#include <string>
#include <utility>

namespace simul::redis {

/// A script's text, to be kept and run many times: `co_await client.eval(script, keys, arguments)`.
/// Copies share what is learnt of it. Thread: the reactor's.
class Script {
 public:
  explicit Script(std::string text) : inside_(std::make_shared<Inside>(std::move(text))) {}

  const std::string& text() const noexcept { return inside_->text; }

  /// The hash by which servers know it; empty until one has told.
  const std::string& hash() const noexcept { return inside_->hash; }
  void set_hash(std::string hash) const noexcept { inside_->hash = std::move(hash); }

 private:
  struct Inside {
    explicit Inside(std::string its_text) : text(std::move(its_text)) {}
    const std::string text;
    std::string hash;
  };
  std::shared_ptr<Inside> inside_;
};

}  // namespace simul::redis
