// Many Deferreds as one: wait for all of them, or for the first.
//
//     std::vector list{a, b, c};
//     deferred_list(list)          fires with what became of each, in the order of the list
//     gather_results(list)         fires with their values; the first failure fails it
//     fire_on_one_callback(list)   fires with the first value and its place in the list
//
// The results of the list's Deferreds move into it, so nothing else may be added to those.
// Cancelling the whole cancels every one that has not fired. (Twisted has one class with flags,
// DeferredList; what fires with another type has another function here.)
#pragma once

#include <cstddef>
#include <exception>
#include <initializer_list>
#include <memory>
#include <optional>
#include <source_location>
#include <stdexcept>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "runtime/deferred/deferred.hpp"

namespace simul {

/// One Deferred of a list has failed, and therefore the whole. (twisted.internet.defer.FirstError)
class FirstError : public std::runtime_error {
 public:
  FirstError(std::size_t index, std::exception_ptr error)
      : std::runtime_error("number " + std::to_string(index) +
                           " of the list failed: " + message_of(error)),
        index_(index),
        error_(std::move(error)) {}

  std::size_t index() const noexcept { return index_; }                ///< from 0, in the list
  const std::exception_ptr& error() const noexcept { return error_; }  ///< what it failed with

 private:
  std::size_t index_;
  std::exception_ptr error_;
};

struct DeferredListOptions {
  bool fire_on_one_errback = false;  ///< fail at the first failure, with FirstError
  bool consume_errors = false;       ///< do not report the single failures as unhandled
};

/// The first value of a list. For void there is only its place.
template <class T>
struct FirstValue {
  std::size_t index;
  typename Outcome<T>::Stored value;
};

namespace detail {

/// What the links added to the Deferreds of a list share. The links own it, and it owns the whole,
/// as everywhere downstream; in the other direction it only points, so there is no ring.
template <class T, class Whole>
struct Gathering {
  std::vector<std::optional<Outcome<T>>> outcomes;  // in the order of the list
  std::vector<Link*> waiting;                       // the links; null when done or gone
  std::size_t missing = 0;
  DeferredListOptions options;
  std::optional<Deferred<Whole>> whole;

  std::vector<Outcome<T>> take_all() {
    std::vector<Outcome<T>> all;
    all.reserve(outcomes.size());
    for (auto& outcome : outcomes) all.push_back(*std::move(outcome));
    return all;
  }

  void cancel_all() {
    for (std::size_t i = 0; i < waiting.size(); ++i) {
      if (waiting[i] == nullptr || waiting[i]->dying()) continue;
      const Ref<Link> link(waiting[i]);
      link->cancel();
    }
  }
};

/// A link's place in a gathering, which it gives up when its function goes.
template <class G>
struct Place {
  std::shared_ptr<G> gathering;
  std::size_t index;

  Place(std::shared_ptr<G> g, std::size_t i) noexcept : gathering(std::move(g)), index(i) {}
  Place(Place&&) noexcept = default;
  ~Place() {
    if (gathering) gathering->waiting[index] = nullptr;
  }
};

/// Adds a link to each of `list`: it notes the outcome and calls `ended(gathering, index)`, which
/// decides whether the whole fires.
template <class Whole, class T, class Ended>
Deferred<Whole> gather(const std::vector<Deferred<T>>& list, DeferredListOptions options,
                       std::source_location where, Ended ended) {
  using G = Gathering<T, Whole>;
  auto gathering = std::make_shared<G>();
  Deferred<Whole> whole(
      [weak = std::weak_ptr<G>(gathering)](Deferred<Whole>&) {
        if (const std::shared_ptr<G> held = weak.lock()) held->cancel_all();
      },
      where);
  gathering->whole = whole;
  gathering->outcomes.resize(list.size());
  gathering->waiting.resize(list.size());
  gathering->missing = list.size();
  gathering->options = options;
  for (std::size_t i = 0; i < list.size(); ++i) {
    auto part = list[i].add_both(
        [place = Place<G>(gathering, i), ended](Outcome<T> outcome) {
          G& all = *place.gathering;
          const std::exception_ptr error = outcome.error();
          all.outcomes[place.index] = std::move(outcome);
          --all.missing;
          if (!all.whole->called()) ended(all, place.index);
          if (error != nullptr && !all.options.consume_errors) std::rethrow_exception(error);
        },
        where);
    if (!part.called()) gathering->waiting[i] = &part.link();
  }
  return whole;
}

template <class T, class Whole>
void fail_with_first(Gathering<T, Whole>& gathering, std::size_t index) {
  gathering.whole->errback(FirstError(index, gathering.outcomes[index]->error()));
}

}  // namespace detail

/// Fires when all have fired, with the outcome of each in the order of the list; with an empty list
/// at once. A failure does not stop it. Unless `consume_errors` is set, each failure is also
/// reported as unhandled, as Twisted does. (twisted.internet.defer.DeferredList)
template <class T>
Deferred<std::vector<Outcome<T>>> deferred_list(
    const std::vector<Deferred<T>>& list, DeferredListOptions options = {},
    std::source_location where = std::source_location::current()) {
  using Whole = std::vector<Outcome<T>>;
  const bool empty = list.empty();
  auto whole = detail::gather<Whole>(
      list, options, where, [](detail::Gathering<T, Whole>& gathering, std::size_t i) {
        if (gathering.options.fire_on_one_errback && !gathering.outcomes[i]->ok())
          detail::fail_with_first(gathering, i);
        else if (gathering.missing == 0)
          gathering.whole->callback(gathering.take_all());
      });
  if (empty) whole.callback(Whole());
  return whole;
}

/// Fires with the values in the order of the list (for void: with none). The first failure fails it
/// at once with FirstError; later ones count for nothing. (twisted.internet.defer.gatherResults)
template <class T>
auto gather_results(const std::vector<Deferred<T>>& list, bool consume_errors = false,
                    std::source_location where = std::source_location::current()) {
  const DeferredListOptions options{.fire_on_one_errback = true, .consume_errors = consume_errors};
  return deferred_list(list, options, where)
      .add_callback(
          [](std::vector<Outcome<T>> outcomes) {
            if constexpr (!std::is_void_v<T>) {
              std::vector<T> values;
              values.reserve(outcomes.size());
              for (Outcome<T>& outcome : outcomes) values.push_back(outcome.take());
              return values;
            }
          },
          where);
}

/// Fires with the first value that is there. If all fail, it fails with the FirstError of the last
/// (Twisted fires with the list of failures, which is another type). An empty list is
/// std::invalid_argument: it would never fire. (DeferredList with fireOnOneCallback)
template <class T>
Deferred<FirstValue<T>> fire_on_one_callback(
    const std::vector<Deferred<T>>& list, DeferredListOptions options = {},
    std::source_location where = std::source_location::current()) {
  if (list.empty()) throw std::invalid_argument("fire_on_one_callback: an empty list never fires");
  using Whole = FirstValue<T>;
  return detail::gather<Whole>(
      list, options, where, [](detail::Gathering<T, Whole>& gathering, std::size_t i) {
        Outcome<T>& outcome = *gathering.outcomes[i];
        if constexpr (std::is_void_v<T>) {
          if (outcome.ok()) return gathering.whole->callback(Whole{i, {}});
        } else {
          if (outcome.ok()) return gathering.whole->callback(Whole{i, outcome.take()});
        }
        if (gathering.options.fire_on_one_errback || gathering.missing == 0)
          detail::fail_with_first(gathering, i);
      });
}

/// The same for a list that is written down: `deferred_list({a, b})`.
template <class T>
auto deferred_list(std::initializer_list<Deferred<T>> list, DeferredListOptions options = {},
                   std::source_location where = std::source_location::current()) {
  return deferred_list(std::vector<Deferred<T>>(list), options, where);
}
template <class T>
auto gather_results(std::initializer_list<Deferred<T>> list, bool consume_errors = false,
                    std::source_location where = std::source_location::current()) {
  return gather_results(std::vector<Deferred<T>>(list), consume_errors, where);
}
template <class T>
auto fire_on_one_callback(std::initializer_list<Deferred<T>> list, DeferredListOptions options = {},
                          std::source_location where = std::source_location::current()) {
  return fire_on_one_callback(std::vector<Deferred<T>>(list), options, where);
}

}  // namespace simul
