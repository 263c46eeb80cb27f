// A command as it goes to the server, and several of them in a row.
//
//     Command("SET", "key", "value", "EX", 10)         numbers are written as text
//     Command("SADD", "set", members)                  a vector of strings: each is an argument
//
//     Pipeline pipeline;                               many commands, one write, all their replies
//     pipeline.add("INCR", "a").add("GET", "b");
//     Transaction transaction;                         the same between MULTI and EXEC
//
// The invariant: what is held here is whole commands in RESP, so nothing that an argument contains,
// a line break or a quote, can become a command of its own.
#pragma once

#include <charconv>
#include <concepts>
#include <cstddef>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "runtime/redis/resp.hpp"

namespace simul::redis {

template <class A>
concept IsText = std::convertible_to<const A&, std::string_view>;

/// A number; not a truth value and not a letter, which are more likely a slip.
template <class A>
concept IsNumber = std::floating_point<A> ||
    (std::integral<A> && !std::same_as<A, bool> && !std::same_as<A, char>);

/// A row of texts.
template <class A>
concept IsTexts = !IsText<A> && requires(const A& row) {
  { *row.begin() } -> std::convertible_to<std::string_view>;
  row.end();
};

/// What may be an argument of a command.
template <class A>
concept IsArgument = IsText<A> || IsNumber<A> || IsTexts<A>;

/// A value; any thread.
class Command {
 public:
  template <IsArgument... A>
  explicit Command(std::string_view name, const A&... arguments) : name_(name) {
    add(name);
    (add(arguments), ...);
  }

  /// One argument more, or a row of them. Floating-point numbers are written so that reading them
  /// gives the same number again.
  template <IsArgument A>
  Command& add(const A& argument) {
    if constexpr (IsText<A>) {
      write_text(arguments_, argument);
      ++count_;
    } else if constexpr (IsNumber<A>) {
      char text[40];
      add(std::string_view(text, std::to_chars(text, text + sizeof text, argument).ptr));
    } else {
      for (const auto& item : argument) add(std::string_view(item));
    }
    return *this;
  }

  /// For messages: "SET".
  const std::string& name() const noexcept { return name_; }

  /// As it goes over the wire.
  void write(std::string& out) const {
    write_array(out, count_);
    out += arguments_;
  }
  std::string take_bytes() && {
    std::string head;
    write_array(head, count_);
    return std::move(arguments_.insert(0, head));
  }

 private:
  std::string name_;
  std::string arguments_;
  std::size_t count_ = 0;
};

/// Commands in a row. A value; any thread.
class CommandRow {
 public:
  std::size_t size() const noexcept { return names_.size(); }
  bool empty() const noexcept { return names_.empty(); }
  const std::vector<std::string>& names() const noexcept { return names_; }
  const std::string& bytes() const noexcept { return bytes_; }
  std::string take_bytes() && { return std::move(bytes_); }

 protected:
  void append(const Command& command) {
    command.write(bytes_);
    names_.push_back(command.name());
  }

 private:
  std::string bytes_;
  std::vector<std::string> names_;
};

/// Many commands that leave in one write; other callers' commands may be done between them.
class Pipeline : public CommandRow {
 public:
  Pipeline& add(const Command& command) {
    append(command);
    return *this;
  }
  template <IsArgument... A>
  Pipeline& add(std::string_view name, const A&... arguments) {
    return add(Command(name, arguments...));
  }
};

/// Commands that are done together, with nothing of anybody else's between them: MULTI ... EXEC.
/// One that fails does not undo the others.
/// (redis.io/docs/latest/develop/using-commands/transactions)
class Transaction : public CommandRow {
 public:
  Transaction& add(const Command& command) {
    append(command);
    return *this;
  }
  template <IsArgument... A>
  Transaction& add(std::string_view name, const A&... arguments) {
    return add(Command(name, arguments...));
  }
};

}  // namespace simul::redis
