// The jobs that a worker is at: the call itself, its time limit, and what is said about it.
#include <cxxabi.h>

#include <cstdlib>
#include <exception>
#include <memory>
#include <typeinfo>
#include <utility>

#include "runtime/base/error.hpp"
#include "runtime/redis/job_runs.hpp"
#include "runtime/task/timeout.hpp"

namespace simul::redis {
namespace {

std::string type_name(const std::exception& error) {
  int status = 0;
  const std::unique_ptr<char, decltype(&std::free)> name(
      abi::__cxa_demangle(typeid(error).name(), nullptr, nullptr, &status), &std::free);
  return status == 0 ? name.get() : typeid(error).name();
}

// As the last line of a Python traceback: the type and what it says. There is no more to say: C++
// does not keep the way that an exception has come.
std::string text_of(const std::exception& error) {
  return type_name(error) + ": " + error.what() + "\n";
}

}  // namespace

Task<JobRuns::Outcome> JobRuns::call(Run& run) {
  Outcome outcome;
  bool cancelled = false;
  const unsigned asked = TaskCore::current()->cancels_requested();
  try {
    outcome = co_await call_function(run);
    if (!outcome.exception) json::write(outcome.value);  // can it be stored?
  } catch (const Cancelled&) {
    if (TaskCore::current()->cancels_requested() > asked) throw;  // it is this worker that ends
    cancelled = true;
  } catch (const std::exception& error) {
    outcome.exception = text_of(error);
  } catch (...) {
    outcome.exception = "an exception that is no std::exception\n";
  }
  if (cancelled) {
    switch (run.ending) {
      case Ending::stopped:
        outcome.exception = "Job stopped by user, work-horse terminated.";
        break;
      case Ending::killed:
        outcome.exception = "Work-horse terminated unexpectedly; killed by a command";
        break;
      case Ending::given_back:
        outcome.exception = "the worker was told to stop at once";
        break;
      case Ending::none:
        outcome.exception = "the function ended by Cancelled, though nobody had asked for it\n";
        break;
    }
  } else if (run.ending == Ending::given_back || run.ending == Ending::stopped) {
    // It has ended by itself before it heard that it should: then that is its outcome.
    run.ending = Ending::none;
  }
  co_return outcome;
}

Task<JobRuns::Outcome> JobRuns::call_function(Run& run) {
  JobContext context{run.job, run.job.call()};
  const auto function = functions_.find(context.call.function);
  if (function == functions_.end()) {
    co_return Outcome{nullptr, "this worker knows no function " + context.call.function + "\n"};
  }
  const std::chrono::seconds limit = run.job.time_limit();
  run.handle = create_task(function->second(std::move(context)), "job " + run.job.id);
  if (run.ending != Ending::none) run.handle->cancel();
  if (limit.count() < 0) co_return Outcome{co_await *run.handle};
  bool late = false;
  try {
    co_return Outcome{co_await wait_for(*run.handle, limit)};
  } catch (const TimedOut&) {
    late = run.handle->cancelled();  // else it is a TimedOut of its own
    if (!late) throw;
  }
  // RQ's text, which people search for.
  co_return Outcome{nullptr,
                    "rq.timeouts.JobTimeoutException: Task exceeded maximum timeout value (" +
                        std::to_string(limit.count()) + " seconds)\n"};
}

void JobRuns::report(const Run& run, const Outcome& outcome) {
  const Job& job = run.job;
  if (run.ending == Ending::given_back) {
    worker_.log(LogLevel::warning, job.origin + ": Job given back (" + job.id + ")");
  } else if (run.ending == Ending::stopped) {
    worker_.log(LogLevel::warning, "Job stopped by user, moving job to FailedJobRegistry");
  } else if (outcome.exception) {
    worker_.log(LogLevel::error, "[Job " + job.id + "]: exception raised while executing (" +
                                     job.function_name() + ")\n" + *outcome.exception);
  } else {
    worker_.info(job.origin + ": Job OK (" + job.id + ")");
    const std::int64_t ttl = job.result_ttl.value_or(Job::kDefaultResultTtl);
    if (ttl == 0) {
      worker_.info("Result discarded immediately");
    } else if (ttl > 0) {
      worker_.info("Result is kept for " + std::to_string(ttl) + " seconds");
    } else {
      worker_.info("Result will never expire, clean up result key manually");
    }
  }
}

}  // namespace simul::redis
