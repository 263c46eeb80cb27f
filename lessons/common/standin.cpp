// The table of hosts and what they answer; see standin.hpp.
#include "lessons/common/standin.hpp"

#include <algorithm>
#include <string>

#include "lessons/common/reddit.hpp"
#include "runtime/fiber/fiber.hpp"

namespace simul {
namespace {

using namespace std::chrono_literals;

constexpr std::string_view kReddit = "www.reddit.com";
constexpr std::string_view kNvie = "nvie.com";

// A page with as many words as the article's worker counted on the real one.
std::string page_of_322_words() {
  std::string page =
      "<!doctype html>\n<title>nvie.com</title>\n<p>This is nvie.com, as far as this machine "
      "knows. The real page had 322 words on the day of the article, and\n";
  const auto is_space = [](char c) { return c == ' ' || c == '\n'; };  // one behind each word
  for (auto words = std::ranges::count_if(page, is_space); words < 321; ++words) page += "so ";
  return page + "on.\n";
}

http::Response serve(const http::IncomingRequest& request) {
  std::string_view name = request.headers.get("Host").value_or("");
  name = name.substr(0, name.find(':'));
  if (http::equal_ignoring_case(name, kReddit)) return reddit(request);
  if (http::equal_ignoring_case(name, kNvie)) {
    this_fiber::sleep_for(300ms);
    return text_response(200, page_of_322_words(), "text/html; charset=utf-8");
  }
  const auto host = std::ranges::find_if(StandIn::hosts(), [&](const StandIn::Host& known) {
    return http::equal_ignoring_case(known.name, name);
  });
  if (host == StandIn::hosts().end()) return text_response(404, "no such host here\n");
  this_fiber::sleep_for(host->latency);
  const std::string known(host->name);
  return text_response(200,
                       "<!doctype html>\n<title>" + known + "</title>\n<p>This is " + known +
                           ", as far as this machine knows.\n",
                       "text/html; charset=utf-8");
}

}  // namespace

const std::vector<StandIn::Host>& StandIn::hosts() {
  static const std::vector<Host> hosts = {
      {"google.com", 300ms},  {"yahoo.com", 800ms},      {"linkedin.com", 400ms},
      {"apple.com", 300ms},   {"microsoft.com", 500ms},  {"facebook.com", 500ms},
      {"twitter.com", 400ms}, {"shutterfly.com", 300ms}, {"mypublisher.com", 500ms},
  };
  return hosts;
}

StandIn::StandIn() : server_(serve) {
  for (const Host& host : hosts()) pins_.push_back(net::pin(host.name, server_.address()));
  for (const std::string_view name : {kReddit, kNvie}) {
    pins_.push_back(net::pin(name, server_.address()));
  }
}

}  // namespace simul
