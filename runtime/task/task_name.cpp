#include "runtime/task/task_name.hpp"

#include <new>
#include <unordered_map>
#include <utility>

namespace simul::detail {
namespace {

// Never destroyed, for tasks may be made until the thread is gone; as large as there were frames
// with a text at the same time.
std::unordered_map<const void*, std::string>& names() {
  static thread_local auto* const names = new std::unordered_map<const void*, std::string>;
  return *names;
}

}  // namespace

void note_name(const void* promise, std::string_view name) noexcept {
  try {
    if (name.empty())
      names().erase(promise);
    else
      names().insert_or_assign(promise, std::string(name));
  } catch (const std::bad_alloc&) {
    // It will go by its number.
  }
}

std::string take_name(const void* promise) {
  auto node = names().extract(promise);
  return node.empty() ? std::string() : std::move(node.mapped());
}

}  // namespace simul::detail
