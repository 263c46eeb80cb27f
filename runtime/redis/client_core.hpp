// A client's inside: the connection that its callers share, and how it comes back when it is lost.
//
//     submit() --- link usable -------> Link
//        |                                |  lost: what was sent is FateUnknown,
//        v                                v        what was not comes back
//     [ waiting ] <-----------------------+
//        |
//        +--> a task connects, once or, after a loss, again and again with pauses --> Link
//
// The first connection either comes about or everybody who waits for it is told why not: a wrong
// address is no reason to wait. One that is lost later is sought again as long as somebody wants to
// send something, each caller as long as his own time allows.
//
// The invariant: a command is handed to a link once. It is handed to a second one only if the first
// gave it back because not a byte of it had left. Thread: the reactor's.
#pragma once

#include <exception>
#include <memory>
#include <optional>
#include <random>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/base/intrusive_list.hpp"
#include "runtime/base/ref.hpp"
#include "runtime/redis/endpoint.hpp"
#include "runtime/redis/exchange.hpp"
#include "runtime/redis/link.hpp"
#include "runtime/redis/options.hpp"
#include "runtime/redis/url.hpp"
#include "runtime/task/create_task.hpp"
#include "runtime/task/task.hpp"

namespace simul::redis::detail {

/// Shared by the client, its sessions and subscriptions, and the calls under way.
class ClientCore final : public Endpoint, private LinkOwner {
 public:
  ClientCore(Url its_url, ClientOptions its_options);

  /// On the shared connection, which is made if there is none. Throws ClientClosed.
  void submit(Exchange& exchange) override;
  /// Throws std::logic_error for what would disturb the others.
  void about_to_do(std::string_view command) override;
  void heard_nothing() noexcept override;
  std::string obstacle() const override { return last_failure_; }

  /// A connection of one's own: one that was kept, or a new one. Throws as open_link.
  static Task<std::unique_ptr<Link>> take_link(Ref<ClientCore> self);

  /// Keeps it for the next one, if it is idle and there is room.
  void give_back(std::unique_ptr<Link> link) noexcept;

  /// A random pause before the n-th further try to connect, n from 0.
  Duration pause_before(unsigned attempt);

  void close() noexcept;
  bool closed() const noexcept { return closed_; }

  const Url url;

 private:
  ~ClientCore() override = default;

  void link_broken(const std::exception_ptr& why, List<Exchange>& unsent) noexcept override;
  void start_connecting();
  static Task<> connect(Ref<ClientCore> self);
  void adopt(std::unique_ptr<Link> link);
  void fail_waiting(const std::exception_ptr& why) noexcept;

  std::unique_ptr<Link> link_;  // a broken one stays until the next one takes its place
  std::vector<std::unique_ptr<Link>> idle_;
  List<Exchange> waiting_;
  std::optional<TaskHandle<>> connecting_;
  std::string last_failure_;  // of the last try to connect
  std::minstd_rand random_{std::random_device{}()};
  bool was_connected_ = false;
  bool closed_ = false;
};

}  // namespace simul::redis::detail
