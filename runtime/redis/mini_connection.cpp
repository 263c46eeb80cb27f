#include "runtime/redis/mini_connection.hpp"

#include <algorithm>
#include <system_error>

#include "runtime/base/error.hpp"
#include "runtime/redis/error.hpp"
#include "runtime/redis/mini_core.hpp"
#include "runtime/task/task_group.hpp"
#include "runtime/task/timeout.hpp"

namespace simul::redis::mini {

namespace {

constexpr std::size_t kPiece = 64 * 1024;

// So many bytes of answers may wait to be taken before the next request is looked at.
constexpr std::size_t kUntaken = 256 * 1024;

std::vector<std::string> words_of(Reply request) {
  std::vector<std::string> words;
  if (request.is_nil()) return words;  // "*-1": Redis ignores it as it does "*0"
  for (Reply& word : std::move(request).as_array()) {
    if (!word.is_text()) throw ProtocolError("expected '$', got " + word.describe());
    words.push_back(std::move(word).as_text());
  }
  return words;
}

}  // namespace

Connection::Connection(Core& core, Stream& stream)
    : id(++core.last_id),
      core_(core),
      stream_(stream),
      reader_(core.options.requests, ReadAs::requests) {
  core_.clients.emplace(id, this);
}

Connection::~Connection() {
  stop_waiting();
  forget_watched();
  const auto unsubscribe = [this](Subscribers& from, const std::string& channel) {
    const auto found = from.find(channel);
    found->second.erase(this);
    if (found->second.empty()) from.erase(found);
  };
  for (const std::string& each : channels) unsubscribe(core_.channels, each);
  for (const std::string& each : patterns) unsubscribe(core_.patterns, each);
  core_.clients.erase(id);
}

Task<> Connection::serve() {
  try {
    while (!leaving_) {
      if (used_ == unread_.size()) {
        used_ = 0;
        unread_ = co_await stream_.read(kPiece);
        if (unread_.empty()) co_return;
      }
      used_ += reader_.feed(std::string_view(unread_).substr(used_));
      if (reader_.ready()) co_await answer(reader_.take());
    }
  } catch (const std::system_error&) {
    stream_.abort();  // it broke off: nobody is there to be told
  } catch (const ProtocolError& error) {
    std::string out;
    write_failure(out, std::string("ERR Protocol error: ") + error.what());
    stream_.write(out);
  } catch (const LimitExceeded& error) {
    std::string out;
    write_failure(out, std::string("ERR Protocol error: ") + error.what());
    stream_.write(out);
  }
}

Task<> Connection::answer(Reply request) {
  std::vector<std::string> words = words_of(std::move(request));
  if (words.empty()) co_return;
  std::string out;
  core_.perform(*this, std::move(words), out);
  stream_.write(std::move(out));
  if (blocked_.take != nullptr) co_await until_served();
  if (stream_.queued() > kUntaken) co_await stream_.drain();
}

void Connection::push(std::string bytes) {
  if (stream_.queued() + bytes.size() > core_.options.unsent) return stream_.abort();
  stream_.write(std::move(bytes));
}

// --- Waiting for a list --------------------------------------------------------------------------

void Connection::wait_for_lists(Blocked::Take take, Words words, std::vector<std::string> keys,
                                Duration limit) {
  std::sort(keys.begin(), keys.end());
  keys.erase(std::unique(keys.begin(), keys.end()), keys.end());
  blocked_ = {take, database, {words.begin(), words.end()}, std::move(keys)};
  limit_ = limit;
  served_.clear();
  core_.lines(database).join(*this);
}

bool Connection::serve_from(const std::string& key) {
  std::string out;
  Call call{core_, *this, blocked_.words, out};
  try {
    if (!blocked_.take(call, key)) return false;
  } catch (const CommandFailed& error) {
    out.clear();
    write_failure(out, error.what());
  }
  stop_waiting();
  served_.set();
  push(std::move(out));
  return true;
}

Task<> Connection::until_served() {
  const auto wait = [this](TaskGroup& group) -> Task<> {
    TaskHandle<> listening = group.create_task(listen());
    try {
      co_await wait_for(served_.wait(), limit_);
    } catch (const TimedOut&) {
    }
    listening.cancel();
  };
  co_await task_group(wait);
  if (broken_ != nullptr) std::rethrow_exception(broken_);
  if (blocked_.take == nullptr) co_return;  // served, if at the last moment, or gone
  stop_waiting();
  std::string out;
  write_nil(out, true);
  stream_.write(std::move(out));
}

// A client that waits may well go, and is out of the line then: no item must go with it.
Task<> Connection::listen() {
  try {
    while (!leaving_) {
      const std::string piece = co_await stream_.read(kPiece);
      if (piece.empty()) leaving_ = true;
      unread_ += piece;
      if (unread_.size() > core_.options.pending) {
        throw LimitExceeded("more than the limit of " + std::to_string(core_.options.pending) +
                            " bytes while waiting for a list");
      }
    }
  } catch (const std::exception&) {
    broken_ = std::current_exception();
  }
  stop_waiting();
  served_.set();
}

void Connection::stop_waiting() noexcept {
  if (blocked_.take == nullptr) return;
  core_.lines(blocked_.database).leave(*this);
  blocked_ = {};
}

void Connection::forget_watched() {
  for (const auto& [index, key] : pending.watched) {
    core_.database(index).unwatch(key, pending.changed);
  }
  pending.watched.clear();
  pending.changed = false;
}

}  // namespace simul::redis::mini
