// getaddrinfo: libc can look up a name only by blocking, so a thread of the pool does it.
#include <cerrno>
#include <exception>
#include <memory>
#include <optional>
#include <string>

#include "runtime/base/activity.hpp"
#include "runtime/fiber/parking.hpp"
#include "runtime/fiber/patched.hpp"
#include "runtime/thread/thread_pool.hpp"

namespace simul::patched {
namespace {

struct FreeList {
  void operator()(addrinfo* list) const noexcept { ::freeaddrinfo(list); }
};

/// The answer; if nobody is left to take it, the list goes with it.
struct Found {
  int code = 0;
  int error = 0;
  std::unique_ptr<addrinfo, FreeList> list;
};

/// The question, copied: the fiber may be gone before the answer is there.
struct Question {
  std::string node;
  std::optional<std::string> service;
  std::optional<addrinfo> hints;

  Found operator()() const {
    addrinfo* list = nullptr;
    Found found;
    const Blocking blocking("name look-up");
    found.code = libc().getaddrinfo(node.c_str(), service ? service->c_str() : nullptr,
                                    hints ? &*hints : nullptr, &list);
    found.error = errno;
    if (found.code == 0) found.list.reset(list);
    return found;
  }
};

// An address in digits, or none at all: nobody has to be asked. EAI_NONAME: it is a name.
int look_up_numeric(const char* node, const char* service, const addrinfo* hints,
                    addrinfo** result) {
  addrinfo numeric{};
  // Without hints glibc looks up as if with these.
  if (hints == nullptr)
    numeric.ai_flags = AI_V4MAPPED | AI_ADDRCONFIG;
  else
    numeric = *hints;
  numeric.ai_flags |= AI_NUMERICHOST;
  return libc().getaddrinfo(node, service, &numeric, result);
}

int cancelled() noexcept {
  errno = ECANCELED;
  return EAI_SYSTEM;
}

}  // namespace

int getaddrinfo(const char* node, const char* service, const addrinfo* hints, addrinfo** result) {
  PatchedCall call;
  if (call.is_libcs()) return libc().getaddrinfo(node, service, hints, result);
  if (call.killed()) return cancelled();
  if (node == nullptr || (hints != nullptr && (hints->ai_flags & AI_NUMERICHOST) != 0)) {
    return libc().getaddrinfo(node, service, hints, result);
  }
  if (const int code = look_up_numeric(node, service, hints, result); code != EAI_NONAME) {
    return code;
  }
  try {
    Question question{node, {}, {}};
    if (service != nullptr) question.service = service;
    if (hints != nullptr) question.hints = *hints;
    Offload<Question> wait(ThreadPool::shared(), std::move(question));
    if (!call.wait_for(wait)) return cancelled();
    Found found = wait.await_resume();
    if (found.code == 0) *result = found.list.release();
    errno = found.error;
    return found.code;
  } catch (const std::bad_alloc&) {
    return EAI_MEMORY;
  } catch (const std::exception&) {
    // Not a single thread can be had: then the caller's has to do it.
    return libc().getaddrinfo(node, service, hints, result);
  }
}

}  // namespace simul::patched
