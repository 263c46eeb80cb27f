// get_page: a page of the web as a Deferred, which is how lessons 07 and 08 download.
//
//     web::get_page("http://example.org/").add_callback([](std::string body) { ... });
//
// It is the second driver of http/exchange.hpp. Put it beside the first (http/blocking_client): the
// machine, the limits, the redirects and the messages are the same; only where that one calls
// poll(2) and stands still, this one leaves a wait behind, returns to the loop, and goes on when
// the loop calls it again. So a thousand pages are a thousand small objects in one thread.
//
// The invariant: a page in flight is owned by its reactor, never by its Deferred. It ends in one of
// three ways, and has closed its connection before anybody hears of it: the Deferred fires; the
// Deferred is cancelled; or the reactor goes first, and then the page is dropped without a word, as
// a timer is.
//
// Every page has a connection of its own, which ends with it; only the hops of a redirect that
// stays at one origin share it. What it does not do: TLS, and a pool of connections.
#pragma once

#include <source_location>
#include <string>
#include <string_view>

#include "runtime/deferred/deferred.hpp"
#include "runtime/http/message.hpp"
#include "runtime/http/request_options.hpp"
#include "runtime/http/status_error.hpp"

namespace simul::web {

/// The body of the page at `url`, after redirects. A status of 400 or more is an error here:
/// http::StatusError. All other errors are those of http::Client::request, with the same text; a
/// text that is no URL gives InvalidUrl, through the Deferred like the rest. Nothing is sent before
/// the loop's next turn. Cancelling it closes everything at once. (twisted.web.client.getPage)
Deferred<std::string> get_page(std::string_view url, http::RequestOptions options = {},
                               std::source_location where = std::source_location::current());

/// The whole answer to GET, whatever its status; else as `get_page`.
Deferred<http::Response> get_response(std::string_view url, http::RequestOptions options = {},
                                      std::source_location where = std::source_location::current());

/// The whole answer to `request`. (twisted.web.client.Agent.request)
Deferred<http::Response> get_response(http::Request request, http::RequestOptions options = {},
                                      std::source_location where = std::source_location::current());

}  // namespace simul::web
