// Three workers and a foreman, who hands out jobs and hears what the workers say.
//
// Each worker is a 15-job-queue.worker beside this program, with two pipes from it to us. Its lines
// are RQ's log, and tell who has begun and ended what. As soon as one of them begins the slowest
// page it is killed, in the middle and without a word. The others are not told; they find out.
//
// One invariant: no worker outlives the crew, whichever way that ends.
#pragma once

#include <cstddef>
#include <cstdio>
#include <iterator>
#include <list>
#include <map>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "lessons/15-job-queue/lines.hpp"
#include "lessons/15-job-queue/worker_program.hpp"
#include "lessons/common/lesson.hpp"
#include "runtime/redis/job_queue.hpp"
#include "runtime/sync/event.hpp"
#include "runtime/task/task.hpp"
#include "runtime/task/task_group.hpp"
#include "runtime/thread/process.hpp"

class Crew {
 public:
  Crew(const WorkerProgram& program, simul::redis::JobQueue& queue)
      : program_(program), queue_(queue) {}

  /// The whole scene. Throws if a worker other than the one that is killed goes away.
  simul::Task<> work() {
    auto body = [this](simul::TaskGroup& group) -> simul::Task<> {
      for (const char* name : {"Ann", "Ben", "Cid"}) hire(name, group);
      co_await all_there_.wait();
      co_await hand_out_jobs();
      co_await all_done_.wait();
      for (Hand& hand : hands_) {
        hand.may_end = true;
        hand.process.terminate();
      }
    };
    co_await simul::task_group(body);
    for (Hand& hand : hands_) {
      const simul::ExitStatus status = co_await hand.process.wait();
      if (&hand != dead_) check_end(hand.name, status);
    }
    co_await report();
  }

 private:
  struct Hand {
    std::string name;
    simul::Process process;
    std::string page{};     // what it is at
    std::string printed{};  // what the job's function has printed
    bool may_end = false;
  };

  static constexpr std::string_view kFunction = "mymodule.count_words_at_url";
  static constexpr const char* kPages[] = {"google.com",  "yahoo.com",      "linkedin.com",
                                           "apple.com",   "microsoft.com",  "facebook.com",
                                           "twitter.com", "shutterfly.com", "mypublisher.com"};
  static constexpr std::string_view kSlowest = "yahoo.com";

  void hire(const std::string& name, simul::TaskGroup& group) {
    // For the death of one to be noticed soon, all have to be heard of often.
    hands_.push_back({name, program_.start(queue_.name(), {"--silence", "2"}, simul::Stdio::pipe(),
                                           simul::Stdio::pipe())});
    Hand& hand = hands_.back();
    group.create_task(listen(hand, hand.process.out(), stdout), name);
    group.create_task(listen(hand, hand.process.err(), stderr), name + "'s complaints");
  }

  simul::Task<> hand_out_jobs() {
    std::vector<simul::redis::JobCall> calls;
    for (const char* page : kPages) {
      calls.push_back(
          simul::redis::JobCall::of(std::string(kFunction), std::string("http://") + page));
    }
    const std::vector<simul::redis::Job> jobs = co_await queue_.enqueue_many(std::move(calls));
    for (const simul::redis::Job& job : jobs) ids_.push_back(job.id);
  }

  simul::Task<> listen(Hand& hand, simul::Descriptor& pipe, std::FILE* ours) {
    Lines lines(pipe);
    while (const std::optional<std::string> line = co_await lines.next()) {
      const bool understood = hears(hand, *line);
      if (!understood && ours == stderr)
        std::fprintf(stderr, "%s: %s\n", hand.name.c_str(), line->c_str());
    }
    if (!hand.may_end) throw std::runtime_error(hand.name + " has gone away");
  }

  // What a line of the log means, if it means something here.
  bool hears(Hand& hand, std::string_view line) {
    const auto has = [&](std::string_view part) { return line.find(part) != line.npos; };
    if (has("*** Listening on ")) {
      if (++listening_ == hands_.size()) all_there_.set();
    } else if (has(": Job OK")) {
      simul::say(hand.name, "  has counted ", hand.page, ": ", hand.printed, " words");
      if (++done_ == std::size(kPages)) all_done_.set();
    } else if (has("Job abandoned")) {
      simul::say(hand.name, "  finds that nobody is at ", kSlowest, " any more: back to the queue");
    } else if (has(kFunction)) {
      const std::size_t at = line.find("http://") + 7;
      begins(hand, std::string(line.substr(at, line.find('\'', at) - at)));
    } else if (line.find_first_not_of("0123456789") == line.npos) {
      hand.printed = line;
    } else {
      return false;
    }
    return true;
  }

  void begins(Hand& hand, std::string page) {
    simul::say(hand.name, "  begins ", page);
    hand.page = std::move(page);
    begun_[hand.page].push_back(hand.name);
    if (dead_ != nullptr || hand.page != kSlowest) return;
    dead_ = &hand;
    hand.may_end = true;
    hand.process.kill();
    simul::say("     kill -9 ", hand.name);
  }

  simul::Task<> report() {
    std::size_t finished = 0;
    const std::vector<simul::redis::Job> jobs = co_await queue_.jobs().fetch_many(ids_);
    for (const simul::redis::Job& job : jobs) {
      if (job.status == simul::redis::JobStatus::finished) ++finished;
    }
    const std::size_t waiting = co_await queue_.size();
    const std::size_t started = co_await queue_.size(simul::redis::Registry::started);
    simul::say("\n", ids_.size(), " jobs: ", finished, " finished, ", waiting, " wait, ", started,
               " under way");
    for (const auto& [page, names] : begun_) {
      if (names.size() == 1) continue;
      std::string by = names.front();
      for (std::size_t i = 1; i < names.size(); ++i) by += ", then by " + names[i];
      simul::say(page, " was begun ", names.size(), " times: by ", by);
    }
  }

  const WorkerProgram& program_;
  simul::redis::JobQueue& queue_;
  std::list<Hand> hands_;  // a list: who listens to one keeps a reference
  Hand* dead_ = nullptr;
  std::size_t listening_ = 0;
  std::size_t done_ = 0;
  std::vector<std::string> ids_;
  std::map<std::string, std::vector<std::string>> begun_;  // by page: by whom
  simul::Event all_there_;
  simul::Event all_done_;
};
