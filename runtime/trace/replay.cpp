// Stacks of actors, one for each thread; see replay.hpp.
#include "runtime/trace/replay.hpp"

#include <algorithm>
#include <cstddef>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "runtime/base/observer.hpp"

namespace simul::trace {
namespace {

using What = Event::What;
using std::chrono::nanoseconds;

// In a thread's stack: an actor, or a mark that says what those below it do meanwhile.
struct Entry {
  enum class Kind : std::uint8_t { actor, blocks, gives_way };
  Kind kind;
  std::size_t actor = 0;        // its place in the timeline
  const char* label = nullptr;  // of a mark
};
using Stack = std::vector<Entry>;

// What goes on with an actor at this moment of the replay.
struct Life {
  std::optional<State> state{};  // none: it is not there
  nanoseconds from{};
  const char* label = "";
  bool made_ready = false;  // while it ran: it has its next turn already
  bool has_run = false;
  Stack inside{};  // what ran inside it when it began to wait
};

class Replay {
 public:
  explicit Replay(const Events& written) : written_(written) {
    timeline_.title = written.title;
    timeline_.dropped = written.dropped;
    timeline_.length = written.length;
    // The thread that records is there from the beginning, whether it says something or not.
    threads_.resize(1);
    enter_thread(1, "main program", nanoseconds::zero());
  }

  Timeline run() {
    for (const Event& event : written_.events) take(event);
    for (std::size_t i = 0; i < lives_.size(); ++i) change(i, std::nullopt, timeline_.length);
    return std::move(timeline_);
  }

 private:
  void take(const Event& event) {
    if (event.thread > threads_.size()) threads_.resize(event.thread);
    Stack& stack = threads_[event.thread - 1];
    switch (event.what) {
      case What::created:
        return create(event);
      case What::named:
        return rename(event);
      case What::blocks:
        return mark(stack, Entry::Kind::blocks, event);
      case What::gives_way:
        return mark(stack, Entry::Kind::gives_way, event);
      case What::goes_on:
        return unmark(stack, event.time);
      case What::thread_ended:
        for (const Entry& entry : stack) {
          if (entry.kind == Entry::Kind::actor) change(entry.actor, std::nullopt, event.time);
        }
        return stack.clear();
      default:
        break;
    }
    const auto found = actors_.find(event.id);
    if (found == actors_.end()) return;  // it was there before the recorder
    const std::size_t actor = found->second;
    switch (event.what) {
      case What::ready:
        return make_ready(actor, event.time);
      case What::runs:
        return enter(actor, event);
      case What::waits:
        return leave(actor, event);
      default:  // ended
        remove(stack, actor);
        change(actor, std::nullopt, event.time);
        actors_.erase(found);
    }
  }

  // --- Threads ----------------------------------------------------------------------------------

  void enter_thread(unsigned thread, std::string name, nanoseconds time) {
    const std::size_t actor = add(next_id(), "thread", std::move(name), thread);
    threads_[thread - 1].push_back({Entry::Kind::actor, actor});
    change(actor, State::runs, time);
  }

  // Those who have the thread: above the last mark of somebody who has given way.
  static Stack::iterator those_at_it(Stack& stack) {
    const auto given = std::find_if(stack.rbegin(), stack.rend(), [](const Entry& entry) {
      return entry.kind == Entry::Kind::gives_way;
    });
    return given.base();
  }

  void mark(Stack& stack, Entry::Kind kind, const Event& event) {
    if (stack.empty()) {
      enter_thread(event.thread, "thread " + std::to_string(event.thread), event.time);
    }
    const State state = kind == Entry::Kind::blocks ? State::blocks : State::waits;
    for (auto entry = those_at_it(stack); entry != stack.end(); ++entry) {
      if (entry->kind == Entry::Kind::actor) change(entry->actor, state, event.time, event.label);
    }
    stack.push_back({kind, 0, event.label});
  }

  void unmark(Stack& stack, nanoseconds time) {
    const auto last = std::find_if(stack.rbegin(), stack.rend(), [](const Entry& entry) {
      return entry.kind != Entry::Kind::actor;
    });
    if (last == stack.rend()) return;  // it began before the recording did
    stack.erase(std::next(last).base());
    State state = State::runs;
    const char* label = "";
    for (auto entry = those_at_it(stack); entry != stack.end(); ++entry) {
      if (entry->kind == Entry::Kind::blocks) state = State::blocks, label = entry->label;
    }
    for (auto entry = those_at_it(stack); entry != stack.end(); ++entry) {
      if (entry->kind == Entry::Kind::actor) change(entry->actor, state, time, label);
    }
  }

  // --- Actors -----------------------------------------------------------------------------------

  void create(const Event& event) {
    const std::string kind = event.label;
    std::string name = written_.names[names_taken_++];
    const unsigned number = ++numbers_[kind];
    if (name.empty()) name = kind + " " + std::to_string(number);
    const std::size_t actor = add(event.id, kind, std::move(name), event.thread);
    actors_[event.id] = actor;
    if (kind == "generator") change(actor, State::waits, event.time, "the first turn");
  }

  void rename(const Event& event) {
    const std::string& name = written_.names[names_taken_++];
    const auto found = actors_.find(event.id);
    if (found != actors_.end() && !name.empty()) timeline_.actors[found->second].name = name;
  }

  std::size_t add(std::uint64_t id, std::string kind, std::string name, unsigned thread) {
    timeline_.actors.push_back({id, std::move(kind), std::move(name), thread, {}});
    lives_.emplace_back();
    return lives_.size() - 1;
  }

  // A wait may be over before it is reported: then `waits` comes after this.
  void make_ready(std::size_t actor, nanoseconds time) {
    Life& life = lives_[actor];
    if (life.state == State::runs || life.state == State::blocks) {
      life.made_ready = true;
      return;
    }
    change(actor, State::ready, time);
    for (const Entry& entry : life.inside) {
      if (entry.kind == Entry::Kind::actor) change(entry.actor, State::ready, time);
    }
  }

  void enter(std::size_t actor, const Event& event) {
    Stack& stack = threads_[event.thread - 1];
    remove(stack, actor);
    if (!std::exchange(lives_[actor].has_run, true)) timeline_.actors[actor].thread = event.thread;
    lives_[actor].made_ready = false;
    stack.push_back({Entry::Kind::actor, actor});
    change(actor, State::runs, event.time);
    for (const Entry& entry : std::exchange(lives_[actor].inside, {})) {
      if (entry.kind == Entry::Kind::actor) {
        if (!lives_[entry.actor].state) continue;  // it has ended meanwhile
        change(entry.actor, State::runs, event.time);
      }
      stack.push_back(entry);
    }
  }

  void leave(std::size_t actor, const Event& event) {
    Stack& stack = threads_[event.thread - 1];
    const auto place = place_of(stack, actor);
    if (place != stack.end()) {
      lives_[actor].inside.assign(std::next(place), stack.end());
      stack.erase(place, stack.end());
    } else if (lives_[actor].state == State::ready) {
      return;  // the same for one that does not run yet
    }
    // A call that blocks others waits here, if it was patched: then nobody stood still.
    forgive(actor);
    change(actor, State::waits, event.time, event.label);
    for (const Entry& entry : lives_[actor].inside) {
      if (entry.kind != Entry::Kind::actor) continue;
      forgive(entry.actor);
      change(entry.actor, State::waits, event.time, event.label);
    }
    if (std::exchange(lives_[actor].made_ready, false)) make_ready(actor, event.time);
  }

  void forgive(std::size_t actor) {
    Life& life = lives_[actor];
    if (life.state == State::blocks) life.state = State::runs, life.label = "";
  }

  static Stack::iterator place_of(Stack& stack, std::size_t actor) {
    return std::find_if(stack.begin(), stack.end(), [actor](const Entry& entry) {
      return entry.kind == Entry::Kind::actor && entry.actor == actor;
    });
  }

  static void remove(Stack& stack, std::size_t actor) {
    if (const auto place = place_of(stack, actor); place != stack.end()) stack.erase(place);
  }

  // --- Spans ------------------------------------------------------------------------------------

  // Ends the state that it is in, and begins the next.
  void change(std::size_t actor, std::optional<State> state, nanoseconds time,
              const char* label = "") {
    Life& life = lives_[actor];
    time = std::max(time, life.from);  // moments of two clocks
    if (life.state) add_span(timeline_.actors[actor].spans, life, time);
    life.state = state;
    life.from = time;
    life.label = label;
  }

  static void add_span(std::vector<Span>& spans, const Life& life, nanoseconds to) {
    if (life.from == to && life.state != State::runs) return;
    if (!spans.empty()) {
      Span& last = spans.back();
      if (last.state == *life.state && last.to == life.from && last.label == life.label) {
        last.to = to;
        return;
      }
    }
    spans.push_back({*life.state, life.from, to, life.label});
  }

  const Events& written_;
  Timeline timeline_;
  std::vector<Life> lives_;  // of the timeline's actors
  std::vector<Stack> threads_;
  std::unordered_map<std::uint64_t, std::size_t> actors_;  // by the observer's id, until they end
  std::map<std::string, unsigned, std::less<>> numbers_;   // how many there are of a kind
  std::size_t names_taken_ = 0;
};

}  // namespace

Timeline replay(const Events& written) {
  return Replay(written).run();
}

}  // namespace simul::trace
