// One client's connection to a server, and the task that serves it.
//
//     idle --bytes--> head --> handler --> answer --> (what is left of the request) --> idle
//                      |                     |
//                      +--refused--+         +-- it was the last one, or a change of protocol
//                                  v
//                               linger, close
//
// It drives http/server_connection.hpp: that one knows the rules, this one waits and moves bytes.
// The way that a small request takes, received whole and answered at once, has one receive, one
// send and no wait but the one for the next request.
//
// The invariant: while it is idle it has no workspace; and whatever goes wrong, the client hears
// why, if anything can still be said, before the connection ends.
#pragma once

#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "runtime/base/clock.hpp"
#include "runtime/base/intrusive_list.hpp"
#include "runtime/base/ref.hpp"
#include "runtime/base/unique_fd.hpp"
#include "runtime/reactor/descriptor.hpp"
#include "runtime/sync/semaphore.hpp"
#include "runtime/task/task.hpp"
#include "runtime/web/server_core.hpp"

namespace simul::web {

/// Thread: the reactor's. Lives as long as its task.
class Connection : public ListNode<> {
 public:
  Connection(Ref<ServerCore> server, UniqueFd socket, Semaphore::Guard place) noexcept;
  ~Connection();
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  /// The task.
  static Task<> serve(std::unique_ptr<Connection> self);

  void set_task(TaskCore& task) noexcept { task_ = &task; }
  void cancel() noexcept { task_->cancel(); }

  /// Does it wait for a request of which no byte has come?
  bool idle() const noexcept { return work_ == nullptr && !upgraded_; }

  // --- For the request and the response of the handler -------------------------------------------

  Task<std::string_view> read_body();
  Task<> write_body(std::string_view piece);
  net::Address peer() const;
  ServerCore& server() const noexcept { return *server_; }

 private:
  // So many requests in a row, or pieces of a body, and the others have a turn.
  static constexpr int kInARow = 16;

  enum class Received { bytes, nothing, end };

  Received receive(std::span<char> buffer) noexcept;
  Task<bool> serve_request();
  bool parse_head();
  Task<bool> read_head();
  Handler* find_handler();
  void prepare_answer();
  bool begin_answer();
  Task<bool> finish_answer();
  void report_answer() noexcept;
  Task<> answer_in_pieces();
  Task<bool> change_protocol();
  Task<bool> read_rest();
  Task<> linger();

  void keep_input();
  void watch_client();
  void stop_watching() noexcept;
  void skip_what_has_come() noexcept;
  void prepare_refusal(int status, std::string why);
  void on_handler_error();
  bool push(std::string_view before, std::string_view piece = {}, std::string_view after = {});
  bool push_more();
  Task<> push_the_rest();
  void log(bool complete) noexcept;
  void cut() noexcept;

  Ref<ServerCore> server_;
  Semaphore::Guard place_;
  Descriptor socket_;
  TaskCore* task_ = nullptr;
  std::unique_ptr<Workspace> work_;
  std::string_view input_;  // received, not parsed yet
  bool drained_ = false;    // what had come was taken: wait before the next try
  bool upgraded_ = false;
};

}  // namespace simul::web
