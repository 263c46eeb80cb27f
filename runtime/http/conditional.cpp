#include "runtime/http/conditional.hpp"

#include "runtime/http/date.hpp"

namespace simul::http {
namespace {

// Is `etag` in the list, or is that "*"? A weak one there counts only if `weak` does. The tags are
// in quotes and may hold commas.
bool lists_tag(std::string_view list, std::string_view etag, bool weak) {
  if (trim_whitespace(list) == "*") return true;
  while (!list.empty()) {
    const std::size_t open = list.find('"');
    if (open == list.npos) return false;
    const std::size_t close = list.find('"', open + 1);
    if (close == list.npos) return false;
    const bool is_weak = open >= 2 && list.substr(open - 2, 2) == "W/";
    if ((weak || !is_weak) && list.substr(open, close + 1 - open) == etag) return true;
    list.remove_prefix(close + 1);
  }
  return false;
}

bool any_lists_tag(const Headers& request, std::string_view name, std::string_view etag,
                   bool weak) {
  for (const std::string_view list : request.get_all(name)) {
    if (lists_tag(list, etag, weak)) return true;
  }
  return false;
}

std::optional<std::int64_t> date_in(const Headers& request, std::string_view name) {
  const auto text = request.get(name);
  return text ? parse_date(*text) : std::nullopt;
}

}  // namespace

Condition check_conditions(const Headers& request, std::string_view method,
                           const Validators& current) {
  if (request.contains("If-Match")) {
    if (!any_lists_tag(request, "If-Match", current.etag, /*weak=*/false)) return Condition::failed;
  } else if (const auto since = date_in(request, "If-Unmodified-Since")) {
    if (current.modified > *since) return Condition::failed;
  }
  const bool reading = method == "GET" || method == "HEAD";
  if (request.contains("If-None-Match")) {
    if (!any_lists_tag(request, "If-None-Match", current.etag, /*weak=*/true)) {
      return Condition::go_on;
    }
    return reading ? Condition::not_modified : Condition::failed;
  }
  if (!reading) return Condition::go_on;
  const auto since = date_in(request, "If-Modified-Since");
  return since && current.modified <= *since ? Condition::not_modified : Condition::go_on;
}

bool range_is_current(const Headers& request, const Validators& current) {
  const auto wanted = request.get("If-Range");
  if (!wanted) return true;
  if (wanted->find('"') != wanted->npos) {
    return lists_tag(*wanted, current.etag, /*weak=*/false);
  }
  return parse_date(*wanted) == current.modified;
}

}  // namespace simul::http
