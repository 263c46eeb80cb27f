// What a worker can do: functions under the names by which jobs call them.
//
//     Task<int> count_words_at_url(std::string url) { ... co_return n; }
//
//     worker.function("mymodule.count_words_at_url", count_words_at_url);
//
// A function is a coroutine, so that a worker can be at many jobs at once as long as they wait most
// of the time. It takes strings, numbers, truth values or json::Values, and its result becomes
// JSON; or it takes a JobContext, and reads the call for itself. Arguments that do not fit fail
// the job with a text that says so, as Python's TypeError would.
//
// What computes for long, or may crash, belongs into a process of its own: `in_process`.
#pragma once

#include <concepts>
#include <cstddef>
#include <functional>
#include <stdexcept>
#include <string>
#include <tuple>
#include <type_traits>
#include <utility>

#include "runtime/json/json.hpp"
#include "runtime/redis/job.hpp"
#include "runtime/task/task.hpp"
#include "runtime/thread/process_pool.hpp"

namespace simul::redis {

/// The job that a function works at.
struct JobContext {
  Job job;
  JobCall call;
};

/// Does a job. What it throws fails the job, and is kept as its exception text. It is cancelled
/// when its time is over, or somebody stops the job: it should pass Cancelled on.
using JobFunction = std::function<Task<json::Value>(JobContext)>;

/// The call does not fit the function.
class WrongArguments : public std::invalid_argument {
 public:
  using std::invalid_argument::invalid_argument;
};

namespace detail {

template <class T>
T argument(const json::Value& value) {
  if constexpr (std::is_same_v<T, json::Value>) {
    return value;
  } else if constexpr (std::is_same_v<T, bool>) {
    return value.as_bool();
  } else if constexpr (std::unsigned_integral<T>) {
    const std::uint64_t number = value.as_uint();
    if (!std::in_range<T>(number)) throw json::AccessError("the number is out of range");
    return static_cast<T>(number);
  } else if constexpr (std::integral<T>) {
    const std::int64_t number = value.as_int();
    if (!std::in_range<T>(number)) throw json::AccessError("the number is out of range");
    return static_cast<T>(number);
  } else if constexpr (std::floating_point<T>) {
    return static_cast<T>(value.as_double());
  } else {
    return value.as_string();
  }
}

template <class T>
T nth_argument(const JobCall& call, std::size_t index) {
  try {
    return argument<T>(call.args[index]);
  } catch (const json::AccessError& error) {
    throw WrongArguments(call.function + "(): argument " + std::to_string(index + 1) + ": " +
                         error.what());
  }
}

inline void check_count(const JobCall& call, std::size_t takes) {
  if (!call.kwargs.empty()) {
    throw WrongArguments(call.function + "() takes no keyword arguments");
  }
  if (call.args.size() != takes) {
    throw WrongArguments(call.function + "() takes " + std::to_string(takes) +
                         (takes == 1 ? " argument" : " arguments") + " but " +
                         std::to_string(call.args.size()) +
                         (call.args.size() == 1 ? " was given" : " were given"));
  }
}

// The result of a coroutine as JSON.
template <class R>
Task<json::Value> as_json(Task<R> task) {
  if constexpr (std::is_void_v<R>) {
    co_await std::move(task);
    co_return nullptr;
  } else {
    co_return json::Value(co_await std::move(task));
  }
}

template <class R, class... P, std::size_t... I>
Task<json::Value> call_typed(Task<R> (*function)(P...), JobContext context,
                             std::index_sequence<I...> /*places*/) {
  if constexpr (std::is_same_v<std::tuple<P...>, std::tuple<JobContext>>) {
    co_return co_await as_json(function(std::move(context)));
  } else {
    check_count(context.call, sizeof...(P));
    co_return co_await as_json(function(nth_argument<std::remove_cvref_t<P>>(context.call, I)...));
  }
}

}  // namespace detail

/// A coroutine with C++ types as a JobFunction. Parameters are values: a reference would outlive
/// what it refers to.
template <class R, class... P>
JobFunction job_function(Task<R> (*function)(P...)) {
  static_assert((!std::is_reference_v<P> && ...), "a job's function takes values, no references");
  return [function](JobContext context) {
    return detail::call_typed(function, std::move(context), std::index_sequence_for<P...>());
  };
}
inline JobFunction job_function(JobFunction function) {
  return function;
}

/// A function of this program in a process of its own (thread/process_function.hpp): `name` is the
/// one it is registered under there. It is given the call as JSON (`JobCall::from_json`) and
/// returns a value as JSON. If it crashes, the job fails and says by which signal, and the worker
/// lives on; if its time is over, its process is killed. The pool must outlive the worker.
JobFunction in_process(ProcessPool& pool, std::string name);

}  // namespace simul::redis
