// How a flag's value is read; see flags.hpp.
#include "lessons/common/flags.hpp"

#include <charconv>
#include <sstream>
#include <utility>

namespace simul {
namespace {

// The whole of `from` as a number from `least` to `most`.
template <typename Number>
Number in_range(const std::string& name, std::string_view from, Number least, Number most) {
  Number result{};
  const char* end = from.data() + from.size();
  const auto [stop, error] = std::from_chars(from.data(), end, result);
  if (error != std::errc{} || stop != end || !(result >= least && result <= most)) {
    std::ostringstream wanted;
    wanted << name << " wants a number from " << least << " to " << most << ", not '" << from
           << "'";
    throw WrongUsage{wanted.str()};
  }
  return result;
}

}  // namespace

Flag on(std::string name, std::string about, bool& into) {
  return {std::move(name), "", std::move(about), [&into](std::string_view) { into = true; }};
}

Flag text(std::string name, std::string value, std::string about, std::string& into) {
  return {std::move(name), std::move(value), std::move(about),
          [&into](std::string_view given) { into = given; }};
}

Flag number(std::string name, std::string value, std::string about, int& into, int least,
            int most) {
  auto set = [&into, name, least, most](std::string_view given) {
    into = in_range(name, given, least, most);
  };
  return {std::move(name), std::move(value), std::move(about), set};
}

Flag amount(std::string name, std::string value, std::string about, double& into, double least,
            double most) {
  auto set = [&into, name, least, most](std::string_view given) {
    into = in_range(name, given, least, most);
  };
  return {std::move(name), std::move(value), std::move(about), set};
}

void read_flag(const Flag& flag, std::string_view argument, int& at, int argc, char** argv) {
  const std::size_t equals = argument.find('=');
  if (flag.value.empty()) {
    if (equals != argument.npos) throw WrongUsage{flag.name + " takes no value"};
    return flag.set("");
  }
  if (equals != argument.npos) return flag.set(argument.substr(equals + 1));
  if (at + 1 >= argc) throw WrongUsage{flag.name + " wants a value: " + flag.spelling()};
  flag.set(argv[++at]);
}

}  // namespace simul
