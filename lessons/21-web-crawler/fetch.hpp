// One request for one address, and what it came to.
//
// What can go wrong with a stranger's server is no error of ours but a result: it is sorted into
// the few kinds that make a difference to a reader of the report, and into those that are worth
// another try. A redirect is not followed here: where it leads is an address like any other.
//
// A body is read piece by piece, up to the limit; the rest of a longer one is never received, for
// its connection is closed. The invariant: whatever the server sends, no more is kept than the
// limit on bodies and the session's on heads, and it is over when the time is.
#pragma once

#include <netdb.h>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <ctime>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

#include "lessons/21-web-crawler/backoff.hpp"
#include "lessons/21-web-crawler/links.hpp"
#include "lessons/21-web-crawler/normal_url.hpp"
#include "lessons/21-web-crawler/page.hpp"
#include "runtime/base/error.hpp"
#include "runtime/base/stopwatch.hpp"
#include "runtime/http/error.hpp"
#include "runtime/http/redirect.hpp"
#include "runtime/http/sha1.hpp"
#include "runtime/net/resolver.hpp"
#include "runtime/task/task.hpp"
#include "runtime/task/timeout.hpp"
#include "runtime/web/session.hpp"

namespace simul::crawl {

/// A page, and what follows from it.
struct Fetched {
  Page page;
  std::vector<std::string> links{};       ///< normal URLs
  std::optional<std::string> location{};  ///< of a redirect: a normal URL
  bool try_again = false;                 ///< what failed may be over soon
  std::optional<Duration> retry_after{};  ///< and the server says when
  std::string body{};
};

namespace detail {

inline bool is_html(const http::Headers& headers) {
  std::string_view type = headers.get("Content-Type").value_or("");
  type = http::trim_whitespace(type.substr(0, type.find(';')));
  return http::equal_ignoring_case(type, "text/html") ||
         http::equal_ignoring_case(type, "application/xhtml+xml");
}

// Busy, or broken for the moment. 501 and 505 say that it will never be otherwise.
inline bool may_heal(int status) {
  return status == 408 || status == 429 || status == 500 || status == 502 || status == 503 ||
         status == 504;
}

inline std::string hex(std::string_view bytes) {
  std::string text;
  for (const char c : bytes) {
    const auto byte = static_cast<unsigned char>(c);
    text += {"0123456789abcdef"[byte >> 4], "0123456789abcdef"[byte & 15]};
  }
  return text;
}

inline void read_links(const std::string& url, Fetched& fetched) {
  const http::Url own = http::Url::parse(url);
  const Links found = find_links(fetched.body);
  http::Url base = own;
  if (found.base) {
    const std::optional<std::string> given = normal_url(own, *found.base);
    if (given) base = http::Url::parse(*given);
  }
  for (const std::string& target : found.targets) {
    if (std::optional<std::string> link = normal_url(base, target)) {
      fetched.links.push_back(*std::move(link));
    }
  }
}

inline void understand(const std::string& url, const http::Response& head, Fetched& fetched) {
  Page& page = fetched.page;
  if (http::is_redirect(page.status)) {
    const std::optional<std::string_view> location = head.headers.get("Location");
    if (location) fetched.location = normal_url(http::Url::parse(url), *location);
  } else if (page.status == 200) {
    // To find equal pages among those of a site, SHA-1 will do: who forges one fools himself.
    if (!page.cut) page.digest = hex(http::sha1(fetched.body));
    if (is_html(head.headers)) read_links(url, fetched);
  }
  fetched.try_again = may_heal(page.status);
  if (!fetched.try_again) return;
  if (const auto when = head.headers.get("Retry-After")) {
    fetched.retry_after = retry_after(*when, std::time(nullptr));
  }
}

inline Task<> ask(web::Session& session, const std::string& url, bool follow, std::size_t limit,
                  Fetched& fetched) {
  web::CallOptions options;
  options.follow_redirects = follow;
  web::StreamedResponse response = co_await session.stream("GET", url, std::move(options));
  Page& page = fetched.page;
  page.outcome = Outcome::broken_off;  // until all of it is here
  for (;;) {
    const std::string_view piece = co_await response.read();
    if (piece.empty()) break;
    const std::size_t room = limit - fetched.body.size();
    fetched.body.append(piece.substr(0, room));
    page.cut = piece.size() > room;
    if (page.cut) break;
  }
  page.outcome = Outcome::answered;
  page.status = response.status();
  page.bytes = fetched.body.size();
  understand(url, response.head(), fetched);
}

// Called where an exception was caught: which kind is it?
inline void classify(Fetched& fetched) {
  Page& page = fetched.page;
  page = {};
  fetched.body.clear();
  fetched.try_again = true;
  try {
    throw;
  } catch (const TimedOut&) {
    page.outcome = Outcome::timed_out;
  } catch (const net::ResolveError& error) {
    page.outcome = Outcome::no_host;
    fetched.try_again = error.code() == EAI_AGAIN;
  } catch (const http::Truncated&) {
    page.outcome = Outcome::broken_off;
  } catch (const std::system_error& error) {
    const int code = error.code().value();
    const bool broken_off = code == ECONNRESET || code == EPIPE || code == ECONNABORTED;
    page.outcome = broken_off ? Outcome::broken_off : Outcome::no_connection;
  } catch (const std::exception&) {  // ProtocolError, TooLarge: the same again would be no better
    page.outcome = Outcome::no_http;
    fetched.try_again = false;
  }
}

}  // namespace detail

/// Asks for `url` once, for at most `limit` bytes of its body, and no longer than `time`. With
/// `follow`, redirects are followed and their last answer counts. Throws only Cancelled.
inline Task<Fetched> fetch(web::Session& session, std::string url, Duration time, std::size_t limit,
                           bool follow = false) {
  Fetched fetched;
  const Stopwatch watch;
  auto body = [&]() -> Task<> { return detail::ask(session, url, follow, limit, fetched); };
  try {
    co_await timeout(time, body);
  } catch (const std::exception&) {
    detail::classify(fetched);
  }
  fetched.page.seconds = watch.seconds();
  co_return fetched;
}

}  // namespace simul::crawl
