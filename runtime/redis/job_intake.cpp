// Taking jobs, and waiting for them without taking any.
#include "runtime/redis/job_intake.hpp"

#include <utility>

#include "runtime/redis/job_keys.hpp"

namespace simul::redis {
namespace {

// Then the server answers nil, and is asked again: so a connection that died in silence is noticed.
constexpr int kLongestWait = 20;  // seconds
constexpr auto kPatience = std::chrono::seconds(30);

}  // namespace

Task<std::optional<TakenJob>> JobIntake::take() {
  if (in_doubt_) co_await find_unknown();
  if (!found_.empty()) {
    TakenJob job = std::move(found_.front());
    found_.pop_front();
    co_return job;
  }
  for (const std::string& queue : worker_.queues) {
    const std::string list = keys::taken(worker_.name, queue);
    Transaction out;
    out.add("SADD", keys::kTaken, list);
    out.add("LMOVE", keys::queue(queue), list, "LEFT", "RIGHT");
    in_doubt_ = true;
    const auto replies = (co_await worker_.client.execute(std::move(out))).value();
    in_doubt_ = false;
    if (replies[1].is_nil()) continue;
    TakenJob job{replies[1].as_text(), queue};
    held_.insert(job);
    co_return job;
  }
  co_return std::nullopt;
}

Task<> JobIntake::find_unknown() {
  std::deque<TakenJob> found;
  std::multiset<TakenJob> known = held_;
  for (const std::string& queue : worker_.queues) {
    const Reply ids =
        co_await worker_.client.call("LRANGE", keys::taken(worker_.name, queue), 0, -1);
    for (const std::string& id : ids.texts()) {
      TakenJob job{id, queue};
      const auto place = known.find(job);
      if (place != known.end()) {
        known.erase(place);
      } else {
        found.push_back(std::move(job));
      }
    }
  }
  for (TakenJob& job : found) {
    held_.insert(job);
    found_.push_back(std::move(job));
  }
  in_doubt_ = false;
}

Task<> JobIntake::give_back() {
  for (const std::string& queue : worker_.queues) {
    const std::string list = keys::taken(worker_.name, queue);
    for (;;) {
      const Reply id =
          co_await worker_.client.call("LMOVE", list, keys::queue(queue), "RIGHT", "LEFT");
      if (id.is_nil()) break;
    }
  }
}

Task<> JobIntake::wait() {
  news_.clear();
  wanted_.set();
  co_await news_.wait();
  wanted_.clear();
}

Task<> JobIntake::watch(std::string queue) {
  const std::string key = keys::queue(queue);
  auto step = [&]() -> Task<> {
    for (;;) {
      co_await wanted_.wait();
      const Command peek("BLMOVE", key, key, "LEFT", "LEFT", kLongestWait);
      const Reply front = co_await worker_.client.call_blocking(peek, kPatience);
      if (front.is_nil()) continue;
      wanted_.clear();  // whoever waits asks the queues before he wants to hear of them again
      news_.set();
    }
  };
  co_await persist(worker_, step);
}

std::vector<TaskHandle<>> JobIntake::watch_queues(TaskGroup& group) {
  std::vector<TaskHandle<>> watchers;
  for (const std::string& queue : worker_.queues) {
    watchers.push_back(group.create_task(watch(queue), "watch " + queue));
  }
  return watchers;
}

}  // namespace simul::redis
