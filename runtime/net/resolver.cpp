// The host table and the way to getaddrinfo; see resolver.hpp.
//
// The table's lock is held only while it is searched or changed, never during a look-up that may
// take seconds.
#include "runtime/net/resolver.hpp"

#include <netdb.h>

#include <algorithm>
#include <cerrno>
#include <memory>
#include <mutex>
#include <optional>
#include <system_error>
#include <utility>

#include "runtime/base/activity.hpp"
#include "runtime/base/error.hpp"

namespace simul::net {
namespace {

struct Entry {
  std::uint64_t id;
  std::string host;
  Address address;
};

struct HostTable {
  std::mutex mutex;
  std::vector<Entry> entries;  // a handful: searched from the back, the latest first
  std::uint64_t last_id = 0;
};

HostTable& host_table() {
  static HostTable table;
  return table;
}

std::string normal_form(std::string_view host) {
  if (host.ends_with('.')) host.remove_suffix(1);
  std::string name(host);
  // ASCII only: std::tolower would follow the locale, and a host name does not.
  std::ranges::transform(name, name.begin(), [](char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c + ('a' - 'A')) : c;
  });
  return name;
}

std::optional<Address> find_pinned(const std::string& name, std::uint16_t port) {
  HostTable& table = host_table();
  std::lock_guard lock(table.mutex);
  for (auto entry = table.entries.rbegin(); entry != table.entries.rend(); ++entry) {
    if (entry->host != name) continue;
    return entry->address.port() == 0 ? entry->address.with_port(port) : entry->address;
  }
  return std::nullopt;
}

std::vector<Address> ask_system(std::string_view host, const std::string& name,
                                std::uint16_t port) {
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;  // else each address comes once per kind of socket
  addrinfo* found = nullptr;
  const auto [code, error] = [&] {
    const Blocking blocking("name look-up");
    const int result = ::getaddrinfo(name.c_str(), nullptr, &hints, &found);
    return std::pair(result, errno);
  }();
  if (code == EAI_SYSTEM && error == ECANCELED) throw Cancelled{};
  if (code != 0) {
    const std::string why =
        code == EAI_SYSTEM ? std::generic_category().message(error) : ::gai_strerror(code);
    throw ResolveError("resolve " + std::string(host) + ": " + why, code);
  }
  const std::unique_ptr<addrinfo, decltype(&::freeaddrinfo)> guard(found, &::freeaddrinfo);

  std::vector<Address> addresses;
  for (const addrinfo* entry = found; entry != nullptr; entry = entry->ai_next) {
    if (entry->ai_family != AF_INET && entry->ai_family != AF_INET6) continue;
    const Address address =
        Address::from_sockaddr(entry->ai_addr, entry->ai_addrlen).with_port(port);
    if (std::ranges::find(addresses, address) == addresses.end()) addresses.push_back(address);
  }
  if (addresses.empty()) {
    throw ResolveError("resolve " + std::string(host) + ": no IPv4 or IPv6 address", EAI_NONAME);
  }
  return addresses;
}

}  // namespace

std::vector<Address> resolve_at_once(std::string_view host, std::uint16_t port) {
  if (const auto address = Address::from_numeric_host(host, port)) return {*address};
  const std::string name = normal_form(host);
  if (const auto address = find_pinned(name, port)) return {*address};
  if (name == "localhost" || name.ends_with(".localhost")) {
    return {Address::loopback(port), Address::loopback6(port)};
  }
  return {};
}

std::vector<Address> resolve(std::string_view host, std::uint16_t port) {
  if (auto addresses = resolve_at_once(host, port); !addresses.empty()) return addresses;
  const std::string name = normal_form(host);
  if (name.empty() || name.find('\0') != std::string::npos) {
    throw ResolveError("resolve \"" + name.substr(0, name.find('\0')) + "\": no host name",
                       EAI_NONAME);
  }
  return ask_system(host, name, port);
}

Pin::Pin(Pin&& other) noexcept : id_(std::exchange(other.id_, 0)) {}

Pin& Pin::operator=(Pin&& other) noexcept {
  std::swap(id_, other.id_);
  return *this;
}

Pin::~Pin() {
  if (id_ == 0) return;
  HostTable& table = host_table();
  std::lock_guard lock(table.mutex);
  std::erase_if(table.entries, [this](const Entry& entry) { return entry.id == id_; });
}

Pin pin(std::string_view host, const Address& address) {
  HostTable& table = host_table();
  std::lock_guard lock(table.mutex);
  table.entries.push_back({++table.last_id, normal_form(host), address});
  return Pin(table.last_id);
}

}  // namespace simul::net
