// The top stories of three subreddits, fetched at once and printed as they arrive.
//
// Three tasks share a session. Each waits for one JSON document, takes from it what it wants to
// have, and prints that without a co_await in between: so blocks come in the order in which the
// answers do, and never mix. A document is read whole before a line of it is printed: what is
// broken is one line on stderr, and no half block. Ctrl-C cancels all that is under way.
#include <cstdint>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "lessons/common/lesson.hpp"
#include "runtime/json/json.hpp"
#include "runtime/task/gather.hpp"
#include "runtime/task/run.hpp"
#include "runtime/task/task.hpp"
#include "runtime/web/session.hpp"

namespace http = simul::http;
namespace json = simul::json;
namespace web = simul::web;
using simul::complain;
using simul::gather;
using simul::Options;
using simul::run;
using simul::say;
using simul::Task;

struct Story {
  std::int64_t score;
  std::string title;
  std::string link;
};

// A title is a stranger's text, and JSON can spell every character: none of them shall end our line
// or command the terminal.
std::string harmless(std::string text) {
  for (std::size_t i = 0; i < text.size(); ++i) {
    const auto byte = static_cast<unsigned char>(text[i]);
    if (byte < 0x20 || byte == 0x7f) text[i] = '?';
    // U+0080 to U+009F, which are two bytes in UTF-8; the parser has seen to it that both are here
    if (byte == 0xc2 && static_cast<unsigned char>(text[i + 1]) < 0xa0) text.replace(i, 2, "?");
  }
  return text;
}

std::vector<Story> read_stories(const std::string& text) {
  const json::Value listing = json::parse(text);
  std::vector<Story> stories;
  for (const json::Value& child : listing["data"]["children"].as_array()) {
    const json::Value& post = child["data"];
    stories.push_back({post["score"].as_int(), harmless(post["title"].as_string()),
                       harmless(post["url"].as_string())});
  }
  return stories;
}

Task<std::vector<Story>> get_stories(web::Session& session, const std::string& url) {
  const http::Response response = co_await session.get(url);
  try {
    if (response.status != 200) {
      throw std::runtime_error("status " + std::to_string(response.status));
    }
    co_return read_stories(response.body);
  } catch (const std::exception& error) {  // JSON's errors name the place, but not the document
    throw std::runtime_error("get " + url + ": " + error.what());
  }
}

Task<> print_top(web::Session& session, std::string subreddit, std::string url) {
  std::vector<Story> stories;
  try {
    stories = co_await get_stories(session, url);
  } catch (const std::exception& error) {
    complain(error);  // one block that cannot be had is not the end of the others
    co_return;
  }
  for (const Story& story : stories) say(story.score, ": ", story.title, " (", story.link, ")");
  say("DONE: ", subreddit, "\n");
}

Task<> async_main(std::vector<std::string> urls) {
  web::Session session;
  std::vector<Task<>> tasks;
  for (const std::string& url : urls) tasks.push_back(print_top(session, url, url));
  if (urls.empty()) {
    for (const std::string subreddit : {"python", "programming", "compsci"}) {
      tasks.push_back(
          print_top(session, subreddit,
                    "http://www.reddit.com/r/" + subreddit + "/top.json?sort=top&t=day&limit=5"));
    }
  }
  co_await gather(std::move(tasks));
}

void example(const Options& options) {
  if (options.live && options.urls.empty()) {
    throw std::runtime_error(
        "www.reddit.com is there over https only, and this runtime speaks no TLS; "
        "without --live the stand-in answers for it");
  }
  run(async_main(options.urls));
}

int main(int argc, char** argv) {
  return simul::lesson(argc, argv,
                       {.about = "Three tasks fetch the top stories of three subreddits as JSON, "
                                 "and print\nthem as they arrive. Ctrl-C ends it in the middle.",
                        .fetches = true},
                       example);
}
