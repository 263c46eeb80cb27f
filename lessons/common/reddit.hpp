// www.reddit.com, as far as this machine knows: the top stories of three subreddits as JSON.
//
// A part of the stand-in internet (standin.hpp). The answer has the real one's shape, with fewer
// members for each story.
#pragma once

#include "runtime/http/message.hpp"

namespace simul {

/// Answers `/r/NAME/top.json`, with at most as many stories as `limit=` in its query says, 25 if it
/// says nothing. Each subreddit has its own latency, from the request's arrival. 404 for any other
/// path. In a fiber.
http::Response reddit(const http::IncomingRequest& request);

}  // namespace simul
