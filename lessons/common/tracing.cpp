// The recording of an example, and the thread that waits for Ctrl-C meanwhile; see tracing.hpp.
#include "lessons/common/tracing.hpp"

#include <fcntl.h>
#include <pthread.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <exception>
#include <map>
#include <string_view>
#include <utility>

#include "lessons/common/say.hpp"
#include "runtime/base/error.hpp"
#include "runtime/trace/chart.hpp"
#include "runtime/trace/chrome.hpp"
#include "runtime/trace/svg.hpp"

namespace simul {
namespace {

sigset_t only_interrupt() noexcept {
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGINT);
  return set;
}

// A child that is forked in the example has no such thread, and is to end by Ctrl-C as any does.
void after_fork() noexcept {
  const sigset_t interrupt = only_interrupt();
  ::pthread_sigmask(SIG_UNBLOCK, &interrupt, nullptr);
}

// Between an example's beginning and its end, and only if it is recorded.
std::atomic<Tracing*> current{nullptr};

trace::State state_of(Stretch::Does does) noexcept {
  if (does == Stretch::runs) return trace::State::runs;
  return does == Stretch::is_ready ? trace::State::ready : trace::State::waits;
}

}  // namespace

std::vector<Flag> TraceWish::flags() {
  const auto set_file = [this](std::string_view name) {
    if (!name.ends_with(".svg") && !name.ends_with(".json")) {
      throw WrongUsage{"--trace wants a file that ends in .svg or .json, not '" +
                       std::string(name) + "'"};
    }
    file = name;
  };
  return {on("--timeline", "draw who ran and who waited, when it is over", chart),
          {"--trace", "FILE", "the same as a picture (.svg) or for Perfetto (.json)", set_file}};
}

trace::Timeline timeline_of(std::string title, const std::vector<Stretch>& stretches) {
  trace::Timeline timeline{.title = std::move(title)};
  std::map<std::string, unsigned> threads;
  std::map<std::pair<std::string, std::string>, std::size_t> places;
  for (const Stretch& stretch : stretches) {
    const unsigned thread =
        threads.try_emplace(stretch.thread, static_cast<unsigned>(threads.size() + 1))
            .first->second;
    const auto [place, fresh] =
        places.try_emplace({stretch.thread, stretch.who}, timeline.actors.size());
    if (fresh) {
      timeline.actors.push_back({.id = places.size(),
                                 .kind = stretch.who == stretch.thread ? "thread" : "task",
                                 .name = stretch.who,
                                 .thread = thread});
    }
    std::vector<trace::Span>& spans = timeline.actors[place->second].spans;
    const trace::Span next{state_of(stretch.does), stretch.from, stretch.to, stretch.label};
    if (!spans.empty() && spans.back().to == next.from && spans.back().state == next.state &&
        spans.back().label == next.label) {
      spans.back().to = next.to;
    } else {
      spans.push_back(next);
    }
    timeline.length = std::max(timeline.length, stretch.to);
  }
  return timeline;
}

Tracing::Tracing(TraceWish wish, std::string program)
    : wish_(std::move(wish)), program_(std::move(program)), process_(::getpid()) {
  if (!wish_.file.empty()) {
    // Now, so that nobody waits for an example whose trace cannot be kept.
    file_ = UniqueFd(::open(wish_.file.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666));
    if (!file_) throw_errno("write trace " + wish_.file);
  }
  const sigset_t interrupt = only_interrupt();
  ::pthread_sigmask(SIG_BLOCK, &interrupt, &mask_before_);
  static const int registered = ::pthread_atfork(nullptr, nullptr, after_fork);
  static_cast<void>(registered);
}

Tracing::~Tracing() {
  current = nullptr;
  if (::getpid() != process_) {
    if (watcher_.joinable()) watcher_.detach();  // in a child it is not there
    return;
  }
  if (watcher_.joinable()) {
    over_ = true;
    ::pthread_kill(watcher_.native_handle(), SIGINT);
    watcher_.join();
  }
  ::pthread_sigmask(SIG_SETMASK, &mask_before_, nullptr);
}

void Tracing::begin() {
  watcher_ = std::thread([this] { wait_for_interrupt(); });
  recorder_.emplace(trace::RecorderOptions{.title = program_});
  current = this;
}

void Tracing::add(Stretch stretch) {
  Tracing* const tracing = current;
  if (tracing == nullptr) return;
  const std::lock_guard lock(tracing->mutex_);
  tracing->stretches_.push_back(std::move(stretch));
}

void Tracing::show(const std::string& how) {
  if (::getpid() != process_) return;
  const std::lock_guard lock(mutex_);
  if (std::exchange(shown_, true)) return;
  trace::Timeline timeline = recorder_->stop();
  if (!stretches_.empty()) timeline = timeline_of(program_, stretches_);
  if (!how.empty()) timeline.title += " (" + how + ")";
  if (wish_.chart) {
    write_out("\n" + trace::chart(timeline, trace::chart_options_for(STDOUT_FILENO)));
    flush_out();
  }
  if (!file_) return;
  write_file(wish_.file.ends_with(".svg") ? trace::svg(timeline) : trace::chrome(timeline));
}

void Tracing::write_file(const std::string& text) {
  std::string_view rest = text;
  while (!rest.empty()) {
    const ssize_t written = ::write(file_.get(), rest.data(), rest.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) throw_errno("write trace " + wish_.file);
    rest.remove_prefix(static_cast<std::size_t>(written));
  }
  file_.reset();
}

void Tracing::wait_for_interrupt() noexcept {
  const sigset_t interrupt = only_interrupt();
  for (;;) {
    int signal = 0;
    ::sigwait(&interrupt, &signal);
    if (over_) return;
    struct sigaction answer {};
    ::sigaction(SIGINT, nullptr, &answer);
    if (answer.sa_handler == SIG_IGN) continue;
    if (answer.sa_handler != SIG_DFL) {
      answer.sa_handler(SIGINT);
      continue;
    }
    try {
      show("interrupted");
    } catch (const std::exception& error) {
      std::fprintf(stderr, "%s: %s\n", program_.c_str(), error.what());
    }
    ::pthread_sigmask(SIG_UNBLOCK, &interrupt, nullptr);
    ::kill(process_, SIGINT);
  }
}

}  // namespace simul
