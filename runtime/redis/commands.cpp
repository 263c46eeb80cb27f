#include "runtime/redis/commands.hpp"

#include <utility>

#include "runtime/redis/error.hpp"

namespace simul::redis {

namespace {

using detail::Endpoint;
using detail::Exchange;

// The coroutines hold what they need: whose member they seem to be may go, or be moved, before they
// are awaited.

Task<Reply> call_one(Ref<Endpoint> endpoint, Command command, Duration timeout) {
  endpoint->about_to_do(command.name());
  std::string name = command.name();
  const Ref<Exchange> exchange(new Exchange(std::move(name), std::move(command).take_bytes()));
  co_await detail::finish(std::move(endpoint), exchange, timeout);
  if (exchange->only.is_error()) throw ServerError(exchange->name, exchange->only.as_error());
  co_return std::move(exchange->only);
}

void raise_first(const std::vector<Reply>& replies, const std::vector<std::string>& names) {
  for (std::size_t i = 0; i < replies.size(); ++i) {
    if (replies[i].is_error()) throw ServerError(names[i], replies[i].as_error());
  }
}

std::vector<Reply> replies_of(Exchange& exchange) {
  if (!exchange.replies.empty()) return std::move(exchange.replies);
  std::vector<Reply> one;
  one.push_back(std::move(exchange.only));
  return one;
}

Task<std::vector<Reply>> execute_pipeline(Ref<Endpoint> endpoint, Pipeline pipeline,
                                          Errors errors) {
  if (pipeline.empty()) co_return std::vector<Reply>();
  for (const std::string& command : pipeline.names()) endpoint->about_to_do(command);
  std::string name = "a pipeline of " + std::to_string(pipeline.size());
  const Ref<Exchange> exchange(
      new Exchange(std::move(name), std::move(pipeline).take_bytes(), pipeline.size()));
  const Duration timeout = endpoint->options.timeout;
  co_await detail::finish(std::move(endpoint), exchange, timeout);
  std::vector<Reply> replies = replies_of(*exchange);
  if (errors == Errors::raise) raise_first(replies, pipeline.names());
  co_return replies;
}

std::string between_multi_and_exec(const Transaction& transaction) {
  std::string bytes;
  bytes.reserve(transaction.bytes().size() + 32);
  write_command(bytes, {"MULTI"});
  bytes += transaction.bytes();
  write_command(bytes, {"EXEC"});
  return bytes;
}

Task<std::optional<std::vector<Reply>>> execute_transaction(Ref<Endpoint> endpoint,
                                                            Transaction transaction,
                                                            Errors errors) {
  std::string name = "a transaction of " + std::to_string(transaction.size());
  const Ref<Exchange> exchange(
      new Exchange(std::move(name), between_multi_and_exec(transaction), transaction.size() + 2));
  const Duration timeout = endpoint->options.timeout;
  co_await detail::finish(std::move(endpoint), exchange, timeout);
  const std::vector<Reply> replies = std::move(exchange->replies);
  if (replies.front().is_error()) throw ServerError("MULTI", replies.front().as_error());
  if (replies.back().is_error()) {  // none was done: which one was refused, and why?
    for (std::size_t i = 0; i < transaction.size(); ++i) {
      const Reply& queued = replies[i + 1];
      if (queued.is_error()) throw ServerError(transaction.names()[i], queued.as_error());
    }
    throw ServerError("EXEC", replies.back().as_error());
  }
  if (replies.back().is_nil()) co_return std::nullopt;
  std::vector<Reply> results = replies.back().as_array();
  if (results.size() != transaction.size()) {
    throw ProtocolError("EXEC of " + std::to_string(transaction.size()) + " commands replied " +
                        replies.back().describe());
  }
  if (errors == Errors::raise) raise_first(results, transaction.names());
  co_return std::move(results);
}

Command run_script(const char* how, const std::string& script, const std::vector<std::string>& keys,
                   const std::vector<std::string>& arguments) {
  return Command(how, script, keys.size(), keys, arguments);
}

Task<Reply> eval_script(Ref<Endpoint> endpoint, Script script, std::vector<std::string> keys,
                        std::vector<std::string> arguments) {
  const Duration timeout = endpoint->options.timeout;
  if (script.hash().empty()) {
    const Reply hash =
        co_await call_one(endpoint, Command("SCRIPT", "LOAD", script.text()), timeout);
    script.set_hash(hash.as_text());
  }
  try {
    co_return co_await call_one(endpoint, run_script("EVALSHA", script.hash(), keys, arguments),
                                timeout);
  } catch (const ServerError& error) {
    if (error.code() != "NOSCRIPT") throw;
  }
  co_return co_await call_one(endpoint, run_script("EVAL", script.text(), keys, arguments),
                              timeout);
}

}  // namespace

Task<Reply> Commands::call(Command command, std::optional<Duration> timeout) const {
  return call_one(endpoint_, std::move(command), timeout.value_or(endpoint_->options.timeout));
}

Task<std::vector<Reply>> Commands::execute(Pipeline pipeline, Errors errors) const {
  return execute_pipeline(endpoint_, std::move(pipeline), errors);
}

Task<std::optional<std::vector<Reply>>> Commands::execute(Transaction transaction,
                                                          Errors errors) const {
  return execute_transaction(endpoint_, std::move(transaction), errors);
}

Task<Reply> Commands::eval(const Script& script, const std::vector<std::string>& keys,
                           const std::vector<std::string>& arguments) const {
  return eval_script(endpoint_, script, keys, arguments);
}

}  // namespace simul::redis
