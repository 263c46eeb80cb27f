// From a URL to a link that is ready: connect, say who we are, choose the database.
//
// AUTH, SELECT and CLIENT SETNAME go out in one write, before anything else. A server that refuses
// one of them is no server for us: ServerError, and the connection is closed. One time limit covers
// look-up, connecting and greeting.
#pragma once

#include <memory>

#include "runtime/redis/link.hpp"
#include "runtime/redis/options.hpp"
#include "runtime/redis/url.hpp"
#include "runtime/task/task.hpp"

namespace simul::redis::detail {

/// A link without an owner. Throws net::ResolveError, std::system_error ("connect 127.0.0.1:81:
/// Connection refused"), TimedOut, ServerError ("AUTH: WRONGPASS ..."), ConnectionLost and
/// ProtocolError. Neither parameter is copied: whoever waits for it keeps them.
Task<std::unique_ptr<Link>> open_link(const Url& url, const ClientOptions& options);

}  // namespace simul::redis::detail
