// The text of a call, and the zlib stream round it.
#include "runtime/redis/job_call.hpp"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <vector>

#include "runtime/http/error.hpp"
#include "runtime/http/inflate.hpp"

namespace simul::redis {
namespace {

constexpr std::size_t kArgumentShown = 75;  // characters, as in RQ

// Does `data` begin as Python's pickles do? From protocol 2 on with this byte; before, with the
// mark of a tuple.
bool looks_pickled(std::string_view data) {
  return data.starts_with('\x80') || data.starts_with("(");
}

// The first `count` characters of UTF-8 text, and dots if there are more.
std::string cut(std::string text, std::size_t count) {
  std::size_t characters = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if ((text[i] & 0xC0) == 0x80) continue;  // inside a character
    if (characters++ == count) {
      text.resize(i);
      return text + "...";
    }
  }
  return text;
}

std::string quoted(const std::string& text) {
  const bool apostrophe = text.find('\'') != std::string::npos;
  const char quote = apostrophe && text.find('"') == std::string::npos ? '"' : '\'';
  std::string out(1, quote);
  for (const char c : text) {
    switch (c) {
      case '\n':
        out += "\\n";
        continue;
      case '\r':
        out += "\\r";
        continue;
      case '\t':
        out += "\\t";
        continue;
      default:
        break;
    }
    if (c == quote || c == '\\') out += '\\';
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) {
      char escape[8];
      std::snprintf(escape, sizeof escape, "\\x%02x", static_cast<unsigned>(c));
      out += escape;
    } else {
      out += c;
    }
  }
  return out + quote;
}

struct Repr {
  std::string& out;

  void operator()(std::nullptr_t) const { out += "None"; }
  void operator()(bool truth) const { out += truth ? "True" : "False"; }
  void operator()(std::int64_t number) const { out += std::to_string(number); }
  void operator()(std::uint64_t number) const { out += std::to_string(number); }
  void operator()(double number) const {
    out += std::isfinite(number) ? json::write(number) : "nan";
  }
  void operator()(const std::string& text) const { out += quoted(text); }
  void operator()(const json::Array& elements) const {
    out += '[';
    const char* between = "";
    for (const json::Value& element : elements) {
      out += between;
      element.visit(*this);
      between = ", ";
    }
    out += ']';
  }
  void operator()(const json::Object& members) const {
    out += '{';
    const char* between = "";
    for (const json::Member& member : members) {
      out += between + quoted(member.key) + ": ";
      member.value.visit(*this);
      between = ", ";
    }
    out += '}';
  }
};

}  // namespace

std::string python_repr(const json::Value& value) {
  std::string out;
  value.visit(Repr{out});
  return out;
}

std::string JobCall::to_json() const {
  return json::write(json::Array{function, nullptr, args, kwargs});
}

JobCall JobCall::from_json(std::string_view text) {
  if (looks_pickled(text)) {
    throw UnreadableJob(
        "the call is pickled, and this worker reads JSON: enqueue it with "
        "serializer=rq.serializers.JSONSerializer");
  }
  try {
    // Nobody passes arguments a hundred deep; and python_repr calls itself for each level.
    json::Value call = json::parse(text, {.depth = 100});
    if (call.as_array().size() != 4) throw json::AccessError("expected an array of four");
    JobCall result{call[0].as_string()};
    if (!call[1].is_null()) throw json::AccessError("methods of objects cannot be called");
    result.args = std::move(call[2].as_array());
    if (!call[3].is_null()) result.kwargs = std::move(call[3].as_object());
    return result;
  } catch (const std::runtime_error& error) {
    throw UnreadableJob(std::string("the call is not [function, null, [arguments], {keywords}] in "
                                    "JSON: ") +
                        error.what());
  }
}

std::string JobCall::text() const {
  std::vector<std::string> parts;
  for (const json::Value& arg : args) parts.push_back(cut(python_repr(arg), kArgumentShown));
  const auto keywords = static_cast<std::ptrdiff_t>(parts.size());
  for (const json::Member& member : kwargs) {
    parts.push_back(member.key + "=" + cut(python_repr(member.value), kArgumentShown));
  }
  std::sort(parts.begin() + keywords, parts.end());
  std::string out = function + "(";
  const char* between = "";
  for (const std::string& part : parts) {
    out += between + part;
    between = ", ";
  }
  return out + ")";
}

std::string pack(std::string_view bytes) {
  return http::zlib_store(bytes);
}

std::string unpack(std::string_view bytes) {
  try {
    return http::inflate(bytes, http::Frame::zlib);
  } catch (const http::TooLarge& error) {
    throw UnreadableJob(error.what());
  } catch (const std::runtime_error&) {
    return std::string(bytes);
  }
}

}  // namespace simul::redis
