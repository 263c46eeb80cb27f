// A channel of messages: numbered, kept for a while, and told to everybody who wants to know.
//
//                        3    4    5    6    7
//      forgotten       +----+----+----+----+----+
//      <------------   |    |    |    |    |    |  <-- post
//                      +----+----+----+----+----+
//                                  ^         ^
//              a reader who has had 5        last()
//
// There are two ways to hear of messages. A reader has a place of his own in the history, asks what
// comes `after` it, and waits for `news` when he has had all: he goes at his own pace, nobody waits
// for him, and for him nobody keeps anything but the history. A Listener is told of each message at
// the moment when it is posted, and has to see where he puts it.
//
// The invariant: the numbers of a channel are 1, 2, 3 ..., and the history holds the last so many
// of them without a gap, the newest in any case.
//
// What a reader is sent is made once, when the message is posted, and shared by all. Who holds a
// PostRef keeps that message alive, also when the history has forgotten it.
//
// Not here: who may post what, and how it gets to whom (push_server.hpp). Thread: the reactor's.
#pragma once

#include <charconv>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "runtime/base/base64.hpp"
#include "runtime/base/callback.hpp"
#include "runtime/base/clock.hpp"
#include "runtime/base/error.hpp"
#include "runtime/base/intrusive_list.hpp"
#include "runtime/json/json.hpp"
#include "runtime/sync/event.hpp"
#include "runtime/task/task.hpp"
#include "runtime/task/timeout.hpp"

namespace push {

/// A message as readers are sent it.
struct Post {
  std::uint64_t number = 0;
  std::string event;        ///< as a server-sent event: "id: chat.7\ndata: {...}\n\n"
  std::string_view json{};  ///< the data of that: {"id":"chat.7","text":"hello"}
};
using PostRef = std::shared_ptr<const Post>;

/// How much a channel keeps: so many messages, and so many bytes of them.
struct History {
  std::size_t messages = 200;
  std::size_t bytes = 8 * 1024 * 1024;
};

class Channel {
 public:
  /// Is told of each message while it lives, with the message as it was sent. Must not wait, post,
  /// or destroy a Listener.
  class Listener : public simul::ListNode<Listener> {
   public:
    using Told = simul::Callback<void(std::string_view data, bool text)>;
    Listener(Channel& channel, Told told) : told_(std::move(told)) {
      channel.listeners_.push_back(*this);
    }

   private:
    friend class Channel;
    Told told_;
  };

  /// `name`: letters and digits, and another one each time that the program is started. A reader
  /// who comes back with the name of an earlier one has had nothing of this one.
  explicit Channel(std::string name, History limits = {})
      : name_(std::move(name)), limits_(limits) {}

  /// Adds a message, and tells everybody but `from`. A text must be UTF-8 (json::InvalidValue).
  /// Returns its number.
  std::uint64_t post(std::string_view data, bool text, const Listener* from = nullptr) {
    history_.push_back(describe(data, text));
    bytes_ += history_.back()->event.size();
    ++last_;
    while (history_.size() > 1 && (history_.size() > limits_.messages || bytes_ > limits_.bytes)) {
      bytes_ -= history_.front()->event.size();
      history_.pop_front();
    }
    for (Listener* one = listeners_.front(); one != nullptr; one = listeners_.next(*one)) {
      if (one != from) one->told_(data, text);
    }
    wake_all();
    return last_;
  }

  /// The number of the newest message; 0 if there has been none.
  std::uint64_t last() const noexcept { return last_; }

  /// The oldest message behind `number` that is still there; null if there is none. It has a number
  /// beyond `number` + 1 if others have been forgotten meanwhile.
  PostRef after(std::uint64_t number) const noexcept {
    if (number >= last_) return nullptr;
    const std::uint64_t forgotten = last_ - history_.size();
    return history_[number < forgotten ? 0 : number - forgotten];
  }

  /// Waits until there is something behind `number`. False: the time was over first. Also true
  /// when the channel is closed.
  simul::Task<bool> news(std::uint64_t number, simul::TimePoint until) {
    while (last_ <= number && !closed_) {
      const simul::Duration left = until - simul::Clock::now();
      if (left <= simul::Duration::zero()) co_return false;
      try {
        co_await simul::wait_for(changed_.wait(), left);
      } catch (const simul::TimedOut&) {
        co_return false;
      }
    }
    co_return true;
  }

  /// Nobody shall wait any more: `news` goes on for all, now and later.
  void close() noexcept {
    closed_ = true;
    wake_all();
  }
  bool closed() const noexcept { return closed_; }

  /// "chat.7": what a reader is told, and what he says when he comes back.
  std::string id_of(std::uint64_t number) const { return name_ + "." + std::to_string(number); }

  /// The number in what a reader says that he has had: "chat.7", or just "7". It is 0 if he speaks
  /// of another channel, or of a number that this one has not come to, or makes no sense.
  std::uint64_t number_of(std::string_view id) const noexcept {
    if (const std::size_t dot = id.find('.'); dot != id.npos) {
      if (id.substr(0, dot) != name_) return 0;
      id.remove_prefix(dot + 1);
    }
    std::uint64_t number = 0;
    const auto read = std::from_chars(id.data(), id.data() + id.size(), number);
    const bool whole = read.ec == std::errc() && read.ptr == id.data() + id.size();
    return whole && number <= last_ ? number : 0;
  }

 private:
  PostRef describe(std::string_view data, bool text) const {
    const std::string id = id_of(last_ + 1);
    auto post = std::make_shared<Post>();
    post->number = last_ + 1;
    post->event = "id: " + id + "\ndata: ";
    const std::size_t begin = post->event.size();
    // JSON has a spelling for a line break, so this is one line, whatever was sent.
    simul::json::Object message{{"id", id}};
    if (text)
      message.set("text", data);
    else
      message.set("binary", simul::base64_encode(data));
    simul::json::append(post->event, std::move(message));
    const std::size_t size = post->event.size() - begin;
    post->event += "\n\n";
    post->event.shrink_to_fit();
    post->json = std::string_view(post->event).substr(begin, size);
    return post;
  }

  // Whoever waits now goes on; whoever comes later waits.
  void wake_all() noexcept {
    changed_.set();
    changed_.clear();
  }

  std::string name_;
  History limits_;
  std::deque<PostRef> history_;
  std::size_t bytes_ = 0;
  std::uint64_t last_ = 0;
  bool closed_ = false;
  simul::Event changed_;
  simul::List<Listener, Listener> listeners_;
};

}  // namespace push
