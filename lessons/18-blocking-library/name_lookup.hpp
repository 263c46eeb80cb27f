// A name server of our own for getaddrinfo, which takes the machine's unless it is told otherwise.
//
// Nobody may change /etc for a lesson. But glibc keeps the resolver's settings in memory, for each
// thread its own, in `_res`; and which sources it asks (files, DNS, others) can be chosen for the
// process. Both are public, old and ugly (resolv.h, nss.h). On a system without them, getaddrinfo
// is not pointed anywhere, and the lesson leaves its row out.
//
// Since the settings belong to a thread, whoever looks up on a thread of a pool has to change them
// there: `ask_in_all_threads_of`.
#pragma once

#include <netdb.h>
#include <netinet/in.h>

#include <chrono>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>

#include "runtime/base/clock.hpp"
#include "runtime/thread/thread_pool.hpp"

#if defined(__GLIBC__)
#include <nss.h>
#include <resolv.h>
#endif

namespace name_lookup {

#if defined(__GLIBC__)

inline constexpr bool kPossible = true;

/// From now on this thread's getaddrinfo asks 127.0.0.1:`port`, and nobody else. (The lock is for
/// ThreadSanitizer, which cannot see glibc's own.)
inline void ask_server_at(std::string_view port) {
  static std::mutex mutex;
  const std::lock_guard lock(mutex);
  [[maybe_unused]] static const int only_dns = ::__nss_configure_lookup("hosts", "dns");
  ::res_init();                                            // afterwards, what is set here stays
  _res.options &= ~static_cast<unsigned long>(RES_USEVC);  // over UDP
  _res.nscount = 1;
  _res.nsaddr_list[0] = {};
  _res.nsaddr_list[0].sin_family = AF_INET;
  _res.nsaddr_list[0].sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  _res.nsaddr_list[0].sin_port = htons(static_cast<in_port_t>(std::stoi(std::string(port))));
}

#else

inline constexpr bool kPossible = false;
inline void ask_server_at(std::string_view) {}

#endif

/// The same in every thread that `pool` may have, so that the next job finds it so, whoever gets
/// it. Blocks until as many threads are there, `threads` of them, but no longer than a second.
inline void ask_in_all_threads_of(simul::ThreadPool& pool, int threads, const std::string& port) {
  struct Meeting {
    std::mutex mutex;
    std::condition_variable all_here;
    int missing;
  };
  const auto meeting = std::make_shared<Meeting>();
  meeting->missing = threads + 1;
  const auto meet = [meeting] {
    std::unique_lock lock(meeting->mutex);
    if (--meeting->missing == 0) meeting->all_here.notify_all();
    meeting->all_here.wait_for(lock, std::chrono::seconds(1),
                               [&] { return meeting->missing == 0; });
  };
  for (int i = 0; i < threads; ++i)
    pool.submit([meet, port] {
      ask_server_at(port);
      meet();
    });
  meet();
}

}  // namespace name_lookup
