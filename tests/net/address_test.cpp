// Addresses: text to address and back, the kernel's form, comparison, and what is refused.
#include "runtime/net/address.hpp"

#include <gtest/gtest.h>
#include <net/if.h>

#include <cstddef>
#include <cstring>
#include <map>
#include <stdexcept>
#include <string>
#include <vector>

namespace simul::net {
namespace {

TEST(Address, TextComesBackAsItWasWritten) {
  for (const char* text : {"127.0.0.1:80", "0.0.0.0:0", "255.255.255.255:65535", "[::1]:80",
                           "[::]:8080", "[2001:db8::7]:443", "[::ffff:10.0.0.1]:1",
                           "unix:/run/x.sock", "unix:relative", "unix:@name", "unix:@"}) {
    EXPECT_EQ(Address::parse(text).to_string(), text);
  }
}

TEST(Address, ReadsFamilyHostAndPort) {
  const Address ip4 = Address::parse("10.1.2.3:4567");
  EXPECT_EQ(ip4.family(), AF_INET);
  EXPECT_EQ(ip4.host(), "10.1.2.3");
  EXPECT_EQ(ip4.port(), 4567);
  EXPECT_TRUE(ip4.is_ip());

  const Address ip6 = Address::parse("[::1]:4567");
  EXPECT_EQ(ip6.family(), AF_INET6);
  EXPECT_EQ(ip6.host(), "::1");
  EXPECT_EQ(ip6.port(), 4567);

  const Address file = Address::parse("unix:/run/x.sock");
  EXPECT_EQ(file.family(), AF_UNIX);
  EXPECT_EQ(file.host(), "/run/x.sock");
  EXPECT_EQ(file.port(), 0);
  EXPECT_FALSE(file.is_ip());
}

TEST(Address, IPv6IsWrittenInItsShortestForm) {
  EXPECT_EQ(Address::parse("[0:0:0:0:0:0:0:1]:1").to_string(), "[::1]:1");
  EXPECT_EQ(Address::parse("[2001:DB8:0:0:1:0:0:1]:1").to_string(), "[2001:db8::1:0:0:1]:1");
}

TEST(Address, RefusesWhatIsNoAddressAndSaysWhy) {
  const std::pair<const char*, const char*> cases[] = {
      {"", "no port"},
      {"127.0.0.1", "no port"},
      {"127.0.0.1:", "port is no number"},
      {"127.0.0.1:65536", "port is no number"},
      {"127.0.0.1:-1", "port is no number"},
      {"127.0.0.1:+1", "port is no number"},
      {"127.0.0.1: 1", "port is no number"},
      {"127.0.0.1:1 ", "port is no number"},
      {"127.1:80", "host is no numeric address"},
      {"0177.0.0.1:80", "host is no numeric address"},
      {"256.0.0.1:80", "host is no numeric address"},
      {"google.com:80", "host is no numeric address"},
      {":80", "host is no numeric address"},
      {"[]:80", "host is no numeric address"},
      {"::1:80", "needs brackets"},
      {"[127.0.0.1]:80", "brackets are for IPv6"},
      {"[::1%nosuchinterface0]:80", "host is no numeric address"},
      {"[::1%]:80", "host is no numeric address"},
      {"unix:", "path is empty"},
  };
  for (const auto& [text, why] : cases) {
    try {
      const Address address = Address::parse(text);
      ADD_FAILURE() << text << " was taken as " << address.to_string();
    } catch (const std::invalid_argument& error) {
      const std::string message = error.what();
      EXPECT_NE(message.find(text), std::string::npos) << message;
      EXPECT_NE(message.find(why), std::string::npos) << message;
    }
  }
  EXPECT_THROW(Address::parse(std::string_view("127.0.0.1\0x:80", 14)), std::invalid_argument);
}

TEST(Address, AUnixPathMustFitAndHoldNoNul) {
  const std::string longest(sizeof(sockaddr_un::sun_path) - 1, 'p');
  EXPECT_EQ(Address::unix_path(longest).host(), longest);
  EXPECT_THROW(Address::unix_path(longest + 'p'), std::invalid_argument);
  EXPECT_THROW(Address::unix_path(std::string_view("a\0b", 3)), std::invalid_argument);
  EXPECT_EQ(Address::unix_abstract(longest).host(), '@' + longest);
  EXPECT_THROW(Address::unix_abstract(longest + 'p'), std::invalid_argument);
}

TEST(Address, AnAbstractNameMayHoldAnyByteAndPrintsReadably) {
  const Address address = Address::unix_abstract(std::string_view("a\0\n", 3));
  EXPECT_EQ(address.to_string(), "unix:@a\\x00\\x0a");
  EXPECT_EQ(address.size(), offsetof(sockaddr_un, sun_path) + 1 + 3);
  EXPECT_NE(address, Address::unix_abstract("a"));
}

TEST(Address, APathThatStartsWithAnAtSignReadsBackAsAPath) {
  const Address address = Address::unix_path("@file");
  EXPECT_EQ(address.to_string(), "unix:./@file");
  EXPECT_NE(Address::parse(address.to_string()), Address::unix_abstract("file"));
}

TEST(Address, AScopeIsKeptByNumberAndPrintedByName) {
  const std::uint32_t index = if_nametoindex("lo");
  if (index == 0) GTEST_SKIP() << "this machine has no interface lo";
  const Address by_name = Address::parse("[fe80::1%lo]:80");
  EXPECT_EQ(by_name, Address::parse("[fe80::1%" + std::to_string(index) + "]:80"));
  EXPECT_EQ(by_name.to_string(), "[fe80::1%lo]:80");
  EXPECT_NE(by_name, Address::parse("[fe80::1]:80"));
  EXPECT_EQ(Address::parse("[fe80::1%4000000000]:80").host(), "fe80::1%4000000000");
}

TEST(Address, TheKernelsFormGoesInAndOut) {
  for (const char* text : {"127.0.0.1:80", "[::1]:80", "unix:/run/x.sock", "unix:@name"}) {
    const Address address = Address::parse(text);
    sockaddr_storage copy;
    std::memset(&copy, 0xee, sizeof copy);
    std::memcpy(&copy, address.data(), address.size());
    EXPECT_EQ(Address::from_sockaddr(reinterpret_cast<sockaddr*>(&copy), address.size()), address);
  }
}

TEST(Address, PaddingAndFlowLabelsDoNotMakeADifference) {
  sockaddr_in6 raw{};
  raw.sin6_family = AF_INET6;
  raw.sin6_port = htons(80);
  raw.sin6_addr = in6addr_loopback;
  raw.sin6_flowinfo = 7;
  EXPECT_EQ(Address::from_sockaddr(reinterpret_cast<sockaddr*>(&raw), sizeof raw),
            Address::loopback6(80));
  sockaddr_in raw4{};
  std::memset(&raw4, 0x55, sizeof raw4);
  raw4.sin_family = AF_INET;
  raw4.sin_port = htons(80);
  raw4.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  EXPECT_EQ(Address::from_sockaddr(reinterpret_cast<sockaddr*>(&raw4), sizeof raw4),
            Address::loopback(80));
}

TEST(Address, AnUnboundUnixSocketHasAnEmptyName) {
  sockaddr_un raw{};
  raw.sun_family = AF_UNIX;
  const Address address =
      Address::from_sockaddr(reinterpret_cast<sockaddr*>(&raw), offsetof(sockaddr_un, sun_path));
  EXPECT_EQ(address.family(), AF_UNIX);
  EXPECT_EQ(address.to_string(), "unix:");
}

TEST(Address, AnUnknownFamilyOrAShortSizeIsRefused) {
  sockaddr_storage raw{};
  raw.ss_family = 250;
  EXPECT_THROW(Address::from_sockaddr(reinterpret_cast<sockaddr*>(&raw), sizeof raw),
               std::invalid_argument);
  raw.ss_family = AF_INET6;
  EXPECT_THROW(Address::from_sockaddr(reinterpret_cast<sockaddr*>(&raw), sizeof(sockaddr_in)),
               std::invalid_argument);
  EXPECT_EQ(Address::from_sockaddr(reinterpret_cast<sockaddr*>(&raw), 0), Address());
}

TEST(Address, ComparesByFamilyHostAndPort) {
  EXPECT_EQ(Address::loopback(80), Address::parse("127.0.0.1:80"));
  EXPECT_NE(Address::loopback(80), Address::loopback(81));
  EXPECT_NE(Address::loopback(80), Address::any(80));
  EXPECT_NE(Address::loopback(80), Address::loopback6(80));
  EXPECT_NE(Address(), Address::any(0));
  EXPECT_EQ(Address(), Address());

  std::map<Address, int> ports;
  for (std::uint16_t port = 0; port < 100; ++port) {
    ports[Address::loopback(port)] = port;
    ports[Address::loopback6(port)] = port;
  }
  EXPECT_EQ(ports.size(), 200u);
  EXPECT_EQ(ports.at(Address::parse("[::1]:42")), 42);
}

TEST(Address, AnotherPortIsAnotherAddressOfTheSameHost) {
  EXPECT_EQ(Address::parse("[::1]:80").with_port(81), Address::parse("[::1]:81"));
  EXPECT_EQ(Address::parse("10.0.0.1:80").with_port(81), Address::parse("10.0.0.1:81"));
  EXPECT_EQ(Address::unix_path("/x").with_port(81), Address::unix_path("/x"));
}

TEST(Address, ANameIsNoNumericHost) {
  EXPECT_EQ(Address::from_numeric_host("google.com", 80), std::nullopt);
  EXPECT_EQ(Address::from_numeric_host("localhost", 80), std::nullopt);
  EXPECT_EQ(Address::from_numeric_host("[::1]", 80), std::nullopt);
  EXPECT_EQ(Address::from_numeric_host("", 80), std::nullopt);
  EXPECT_EQ(Address::from_numeric_host("::1", 80), Address::loopback6(80));
}

TEST(Address, NoAddressSaysSo) {
  EXPECT_EQ(Address().to_string(), "no address");
}

}  // namespace
}  // namespace simul::net
