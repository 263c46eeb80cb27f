// What the four tools have in common: where Redis is, and texts of strangers in our terminal.
#pragma once

#include <cstddef>
#include <string>

#include "lessons/common/lesson.hpp"
#include "runtime/redis/error.hpp"
#include "runtime/redis/url.hpp"

/// `--url URL`, which every tool needs. A text that is no address of a Redis is a wrong command
/// line.
inline simul::Flag redis_at(simul::redis::Url& into) {
  return {.name = "--url",
          .value = "URL",
          .about = "the Redis: redis://[:password@]host[:port][/db] or unix:///path",
          .set =
              [&into](std::string_view given) {
                try {
                  into = simul::redis::Url::parse(given);
                } catch (const simul::redis::InvalidUrl& error) {
                  throw simul::WrongUsage{error.what()};
                }
              },
          .needed = true};
}

/// The text on one line, and without what would command a terminal: anybody may have written it
/// into Redis. (Lesson 14 says why.)
inline std::string harmless(std::string text) {
  while (text.ends_with('\n')) text.pop_back();
  for (std::size_t i = 0; i < text.size(); ++i) {
    const auto byte = static_cast<unsigned char>(text[i]);
    if (byte < 0x20 || byte == 0x7f) text[i] = byte == '\n' ? ' ' : '?';
    // U+0080 to U+009F, which are two bytes in UTF-8
    const bool also =
        byte == 0xc2 && i + 1 < text.size() && static_cast<unsigned char>(text[i + 1]) < 0xa0;
    if (also) text.replace(i, 2, "?");
  }
  return text;
}
