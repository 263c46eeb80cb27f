#include "runtime/http/exchange_io.hpp"

#include <cerrno>

#include "runtime/base/error.hpp"

namespace simul::http {

bool send_some(int socket, Exchange& exchange) {
  const net::Transfer sent = net::try_send(socket, exchange.to_send());
  switch (sent.outcome) {
    case net::Outcome::done:
      exchange.sent(sent.bytes);
      return true;
    case net::Outcome::failed:
      if (sent.error == ECANCELED) throw Cancelled{};
      exchange.send_failed(sent.error);
      return true;
    default:
      return false;
  }
}

net::Transfer receive_some(int socket, std::span<char> buffer, Exchange& exchange) {
  const net::Transfer got = net::try_receive(socket, buffer);
  switch (got.outcome) {
    case net::Outcome::done:
      exchange.feed({buffer.data(), got.bytes});
      break;
    case net::Outcome::end:
      exchange.end_of_stream();
      break;
    case net::Outcome::failed:
      if (got.error == ECANCELED) throw Cancelled{};
      exchange.receive_failed(got.error);
      break;
    case net::Outcome::would_block:
      break;
  }
  return got;
}

}  // namespace simul::http
