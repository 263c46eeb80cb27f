// mymodule: what the jobs of this lesson are about, the article's function.
//
// The name by which a job asks for it is "mymodule.count_words_at_url", as Python would import it:
// a worker of RQ that finds a mymodule.py with such a function does the same job. It changes
// nothing anywhere, so it may be run twice: it is idempotent without having to do anything for it.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "lessons/common/lesson.hpp"
#include "runtime/http/message.hpp"
#include "runtime/redis/worker.hpp"
#include "runtime/task/task.hpp"
#include "runtime/web/session.hpp"

namespace mymodule {

/// How many runs of characters that are no white space there are. (Python: len(text.split()), but
/// only ASCII's white space counts as such.)
inline std::int64_t count_words(std::string_view text) {
  const auto is_space = [](char c) { return c == ' ' || (c >= '\t' && c <= '\r'); };
  std::int64_t words = 0;
  bool inside = false;
  for (const char c : text) {
    if (!is_space(c) && !inside) ++words;
    inside = !is_space(c);
  }
  return words;
}

/// Fetches a page, prints how many words it has, and returns that. It takes the URL by value: the
/// call it was made from is gone when this goes on.
inline simul::Task<std::int64_t> count_words_at_url(std::string url) {
  simul::web::Session session;
  const simul::http::Response response = co_await session.get(url);
  const std::int64_t words = count_words(response.body);
  simul::say(words);
  co_return words;
}

/// Tells a worker all that this module can do.
inline void teach(simul::redis::Worker& worker) {
  worker.function("mymodule.count_words_at_url", count_words_at_url);
}

}  // namespace mymodule
