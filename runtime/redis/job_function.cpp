// Jobs in processes of their own.
#include "runtime/redis/job_function.hpp"

namespace simul::redis {
namespace {

Task<json::Value> run_in_process(ProcessPool& pool, std::string name, std::string call) {
  std::string result;
  try {
    result = co_await pool.run(std::move(name), std::move(call));
  } catch (const JobFailed& error) {
    // The words that RQ has for a work-horse that died, so that whoever searches logs for them
    // finds these, too.
    throw std::runtime_error("Work-horse terminated unexpectedly; " + std::string(error.what()));
  }
  co_return json::parse(result);
}

}  // namespace

JobFunction in_process(ProcessPool& pool, std::string name) {
  return [&pool, name = std::move(name)](JobContext context) {
    return run_in_process(pool, name, context.call.to_json());
  };
}

}  // namespace simul::redis
