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

http::Response serve(const http::IncomingRequest& request) {
  std::string_view name = request.headers.get("Host").value_or("");
  name = name.substr(0, name.find(':'));
  if (http::equal_ignoring_case(name, kReddit)) return reddit(request);
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
  pins_.push_back(net::pin(kReddit, server_.address()));
}

}  // namespace simul
