#include "runtime/task/run.hpp"

#include <csignal>

namespace simul::detail {

InterruptHandler::InterruptHandler(Reactor& reactor, TaskCore& task, bool wanted)
    : reactor_(reactor) {
  struct sigaction current {};
  ::sigaction(SIGINT, nullptr, &current);
  if (!wanted || current.sa_handler != SIG_DFL) return;
  reactor_.add_signal_handler(
      SIGINT,
      [this, &task] {
        interrupted_ = true;
        reactor_.remove_signal_handler(SIGINT);  // who presses it again does not want to wait
        installed_ = false;
        task.cancel();
      },
      /*awaited=*/false);
  installed_ = true;
}

InterruptHandler::~InterruptHandler() {
  if (installed_) reactor_.remove_signal_handler(SIGINT);
}

void run_to_end(TaskCore& main, const RunOptions& options) {
  Reactor& reactor = main.reactor();
  struct EndRest {
    Reactor& reactor;
    ~EndRest() { reactor.end_owned(); }
  } end_rest{reactor};
  InterruptHandler interrupt(reactor, main, options.handle_interrupt);
  reactor.run_until([&main] { return main.done(); }, "task");
  if (!main.done()) throw Cancelled{};  // somebody stopped the loop
  if (main.cancelled() && interrupt.interrupted()) throw Interrupted{};
}

}  // namespace simul::detail
