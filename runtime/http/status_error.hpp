// A status of 400 or more, for those who want it as an exception.
//
// For the protocol such an answer is an answer like any other; whether it is an error is the
// caller's affair. The blocking client leaves it to him, Twisted's getPage throws.
#pragma once

#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>

#include "runtime/http/message.hpp"

namespace simul::http {

/// "get http://host/path: 404 Not Found". Carries the whole answer, its body included.
/// (twisted.web.error.Error, requests.HTTPError)
class StatusError : public std::runtime_error {
 public:
  /// `method`: of the request that was answered so.
  StatusError(const std::string& method, Response response)
      : std::runtime_error(message_for(method, response)),
        response_(std::make_shared<const Response>(std::move(response))) {}

  int status() const noexcept { return response_->status; }
  const Response& response() const noexcept { return *response_; }

 private:
  static std::string message_for(std::string method, const Response& response) {
    for (char& c : method) {
      if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
    }
    const std::string_view phrase =
        response.reason.empty() ? reason_phrase(response.status) : response.reason;
    return method + " " + response.url.to_display() + ": " + std::to_string(response.status) +
           (phrase.empty() ? "" : " ") + std::string(phrase);
  }

  // Shared, for an exception must be copied without throwing.
  std::shared_ptr<const Response> response_;
};

}  // namespace simul::http
