#include "runtime/task/task_name.hpp"

#include <new>
#include <unordered_map>
#include <utility>

namespace simul::detail {
namespace {

constinit thread_local bool gone = false;  // this thread's notes: it is ending

// As large as there were frames with a text at the same time.
struct Names {
  std::unordered_map<const void*, std::string> by_promise;
  ~Names() { gone = true; }
};
thread_local Names names;

}  // namespace

void note_name(const void* promise, std::string_view name) noexcept {
  if (gone) return;
  try {
    if (name.empty())
      names.by_promise.erase(promise);
    else
      names.by_promise.insert_or_assign(promise, std::string(name));
  } catch (const std::bad_alloc&) {
    // It will go by its number.
  }
}

std::string take_name(const void* promise) {
  if (gone) return {};
  auto node = names.by_promise.extract(promise);
  return node.empty() ? std::string() : std::move(node.mapped());
}

}  // namespace simul::detail
