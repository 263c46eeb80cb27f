// The subreddits and their stories, and the listing that is made of them; see reddit.hpp.
#include "lessons/common/reddit.hpp"

#include <algorithm>
#include <charconv>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "lessons/common/loopback_server.hpp"
#include "runtime/base/clock.hpp"
#include "runtime/fiber/fiber.hpp"
#include "runtime/json/json.hpp"

namespace simul {
namespace {

using namespace std::chrono_literals;

constexpr std::string_view kType = "application/json; charset=UTF-8";

struct Post {
  int score;
  std::string_view title;
  std::string_view url;
};

struct Subreddit {
  std::string_view name;
  Duration latency;
  std::vector<Post> posts;  // the best first
};

// What the article shows of a day in July 2018.
const std::vector<Subreddit>& subreddits() {
  static const std::vector<Subreddit> all = {
      {"python",
       500ms,
       {
           {336, "/r/thanosdidnothingwrong -- banning people with python",
            "https://clips.twitch.tv/AstutePluckyCocoaLitty"},
           {175, "PythonRobotics: Python sample codes for robotics algorithms",
            "https://atsushisakai.github.io/PythonRobotics/"},
           {23, "Python and Flask Tutorial in VS Code",
            "https://code.visualstudio.com/docs/python/tutorial-flask"},
           {17, "Started a new blog on Celery - what would you like to read about?",
            "https://www.python-celery.com"},
           {14, "A Simple Anomaly Detection Algorithm in Python",
            "https://medium.com/@mathmare_/pyng-a-simple-anomaly-detection-algorithm-2f355d7dc054"},
       }},
      {"programming",
       800ms,
       {
           {1360, "git bundle", "https://dev.to/gabeguz/git-bundle-2l5o"},
           {1191,
            "Which hashing algorithm is best for uniqueness and speed? Ian Boyd's answer (top "
            "voted) is one of the best comments I've seen on Stackexchange.",
            "https://softwareengineering.stackexchange.com/questions/49550/"
            "which-hashing-algorithm-is-best-for-uniqueness-and-speed"},
           {430, "ARM launches “Facts” campaign against RISC-V", "https://riscv-basics.com/"},
           {244, "Choice of search engine on Android nuked by “Anonymous Coward” (2009)",
            "https://android.googlesource.com/platform/packages/apps/GlobalSearch/+/"
            "592150ac00086400415afe936d96f04d3be3ba0c"},
           {209,
            "Exploiting freely accessible WhatsApp data or “Why does WhatsApp web know my phone’s "
            "battery level?”",
            "https://medium.com/@juan_cortes/"
            "exploiting-freely-accessible-whatsapp-data-or-why-does-whatsapp-know-my-battery-level-"
            "ddac224041b4"},
       }},
      {"compsci",
       300ms,
       {
           {50, "Undershoot: Parsing theory in 1965",
            "http://jeffreykegler.github.io/Ocean-of-Awareness-blog/individual/2018/07/"
            "knuth_1965_2.html"},
           {12, "Question about best-prefix/failure function/primal match table in kmp algorithm",
            "https://www.reddit.com/r/compsci/comments/8xd3m2/"
            "question_about_bestprefixfailure_functionprimal/"},
           {1, "Question regarding calculating the probability of failure of a RAID system",
            "https://www.reddit.com/r/compsci/comments/8xbkk2/"
            "question_regarding_calculating_the_probability_of/"},
       }},
  };
  return all;
}

std::size_t limit_in(std::string_view query) {
  std::size_t limit = 25;
  for (std::size_t from = 0; from < query.size();) {
    const std::size_t end = std::min(query.find('&', from), query.size());
    const std::string_view field = query.substr(from, end - from);
    if (field.starts_with("limit=")) {
      std::from_chars(field.data() + 6, field.data() + field.size(), limit);
    }
    from = end + 1;
  }
  return limit;
}

std::string listing(const Subreddit& subreddit, std::size_t limit) {
  json::Array children;
  for (const Post& post : subreddit.posts) {
    if (children.size() == limit) break;
    const bool is_self = post.url.starts_with("https://www.reddit.com/");
    json::Object data{{"subreddit", subreddit.name},
                      {"title", post.title},
                      {"score", post.score},
                      {"ups", post.score},
                      {"downs", 0},
                      {"num_comments", 0},  // nobody comments here
                      {"is_self", is_self},
                      {"over_18", false},
                      {"url", post.url}};
    children.push_back(json::Object{{"kind", "t3"}, {"data", std::move(data)}});
  }
  const std::size_t count = children.size();
  return json::write(json::Object{{"kind", "Listing"},
                                  {"data", json::Object{{"modhash", ""},
                                                        {"dist", count},
                                                        {"children", std::move(children)},
                                                        {"after", nullptr},
                                                        {"before", nullptr}}}});
}

}  // namespace

http::Response reddit(const http::IncomingRequest& request) {
  for (const Subreddit& subreddit : subreddits()) {
    if (request.path() != "/r/" + std::string(subreddit.name) + "/top.json") continue;
    this_fiber::sleep_for(subreddit.latency);
    return text_response(200, listing(subreddit, limit_in(request.query())), kType);
  }
  return text_response(404, R"({"message": "Not Found", "error": 404})", kType);
}

}  // namespace simul
