#include "runtime/thread/process_worker.hpp"

#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

#include "runtime/thread/pipe.hpp"
#include "runtime/thread/process_function.hpp"

namespace simul {
namespace {

using detail::FrameHeader;

constexpr std::size_t kPiece = 64 * 1024;
constexpr int kPiecesPerStep = 16;

/// Its stdin is empty: the terminal is not for it. A group of its own, so that a Ctrl-C is for this
/// process, which then ends its pool in its own way.
Process start_process(Descriptor& to, Descriptor& from) {
  Pipe jobs = open_pipe();
  Pipe answers = open_pipe();
  ProcessOptions options;
  options.in = Stdio::null();
  options.own_group = true;
  options.passed = {{jobs.read.get(), detail::kJobDescriptor},
                    {answers.write.get(), detail::kAnswerDescriptor}};
  // A process that is idle wakes nobody: it is the job's wait that the loop counts on.
  to = non_blocking(std::move(jobs.write), Peer::here);
  from = non_blocking(std::move(answers.read), Peer::here);
  return Process(detail::worker_command(), std::move(options));
}

}  // namespace

PoolWorker::PoolWorker(ProcessPool& pool)
    : Routine(pool.reactor_, Kind::callback), pool_(pool), process_(start_process(to_, from_)) {
  wait_for_bytes();
}

void PoolWorker::take(PoolJob& job) {
  job_ = &job;
  job.worker_ = this;
  FrameHeader header;
  header.name = static_cast<std::uint32_t>(job.name_.size());
  header.text = job.argument_.size();
  outgoing_.assign(reinterpret_cast<const char*>(&header), sizeof header);
  outgoing_ += job.name_;
  outgoing_ += job.argument_;
  sent_ = 0;
  incoming_.clear();
  // No answer is read from here, for the next job would be taken from inside that.
  while (sent_ < outgoing_.size()) {
    const Progress progress = send_some();
    if (progress == Progress::some) continue;
    return progress == Progress::broken ? die() : yield();
  }
  wait_for_bytes();
}

PoolJob* PoolWorker::let_go_of_job() noexcept {
  PoolJob* job = std::exchange(job_, nullptr);
  if (job != nullptr) job->worker_ = nullptr;
  return job;
}

void PoolWorker::step() {
  if (dying_) {
    auto& end = wait_.set([this] { return process_.wait(); });
    if (!end.await_ready()) return end.suspend(*this);
    return gone(end.await_resume());
  }
  while (sent_ < outgoing_.size()) {
    const Progress progress = send_some();
    if (progress == Progress::broken) return die();
    if (progress == Progress::some) continue;
    auto& ready = wait_.set([this] { return to_.writable(); });
    if (ready.await_ready()) continue;
    return ready.suspend(*this);
  }
  receive();
}

void PoolWorker::receive() {
  bool answered = false;
  for (int pieces = 0;; ++pieces) {
    const Progress progress = pieces < kPiecesPerStep ? receive_some() : Progress::some;
    if (progress == Progress::broken) return die();
    if (progress == Progress::none) {
      auto& ready = wait_.set([this] { return from_.readable(); });
      if (ready.await_ready()) continue;
      ready.suspend(*this);
      break;
    }
    if (pieces == kPiecesPerStep) {
      yield();
      break;
    }
    if (!take_answer()) return die();
    answered = job_ == nullptr;
  }
  if (answered) pool_.serve_line();
}

// False: what came is no answer.
bool PoolWorker::take_answer() {
  FrameHeader header;
  if (job_ == nullptr) return incoming_.empty();
  if (incoming_.size() < sizeof header) return true;
  std::memcpy(&header, incoming_.data(), sizeof header);
  if (header.text > pool_.answer_limit_) {
    why_ = "an answer of " + std::to_string(header.text) + " bytes is beyond the limit of " +
           std::to_string(pool_.answer_limit_);
    return false;
  }
  const std::size_t whole = sizeof header + header.text;
  if (incoming_.size() < whole) return true;
  if (incoming_.size() > whole || header.failed > 1 || header.name != 0) {
    why_ = "what it sent is no answer";
    return false;
  }
  incoming_.erase(0, sizeof header);
  PoolJob& job = *let_go_of_job();
  served_ = true;
  if (header.failed != 0) {
    job.fail(incoming_);
  } else {
    job.succeed(std::move(incoming_));
  }
  incoming_.clear();
  return true;
}

PoolWorker::Progress PoolWorker::send_some() noexcept {
  const ssize_t written =
      write_to_pipe(to_.fd(), outgoing_.data() + sent_, std::min(outgoing_.size() - sent_, kPiece));
  if (written >= 0) {
    sent_ += static_cast<std::size_t>(written);
    return Progress::some;
  }
  if (errno == EINTR) return Progress::some;
  return errno == EAGAIN ? Progress::none : Progress::broken;
}

PoolWorker::Progress PoolWorker::receive_some() {
  const std::size_t before = incoming_.size();
  incoming_.resize(before + kPiece);
  const ssize_t got = ::read(from_.fd(), incoming_.data() + before, kPiece);
  const int error = errno;
  incoming_.resize(before + static_cast<std::size_t>(std::max<ssize_t>(got, 0)));
  if (got > 0 || (got < 0 && error == EINTR)) return Progress::some;
  return got < 0 && error == EAGAIN ? Progress::none : Progress::broken;
}

void PoolWorker::wait_for_bytes() {
  wait_.set([this] { return from_.readable(); }).suspend(*this);
}

void PoolWorker::yield() {
  wait_.set([] { return Yield(); }).suspend(*this);
}

// Its pipe is closed, so it ends now or has ended. One that lives on without it is of no use.
void PoolWorker::die() noexcept {
  dying_ = true;
  process_.kill();
  yield();
}

void PoolWorker::gone(ExitStatus status) noexcept {
  if (PoolJob* job = let_go_of_job()) {
    if (sent_ < outgoing_.size() && served_) {
      pool_.line_.push_front(*job);
    } else if (!why_.empty()) {
      job->fail(why_);
    } else {
      job->fail("its process [" + std::to_string(pid()) + "] " +
                (status.signal() != 0 ? "was " : "") + status.text());
    }
  }
  ProcessPool& pool = pool_;
  pool.dismiss(*this);  // deletes this
  pool.serve_line();
}

}  // namespace simul
