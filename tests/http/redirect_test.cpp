#include "runtime/http/redirect.hpp"

#include <gtest/gtest.h>

#include <string>

#include "runtime/http/error.hpp"

namespace simul::http {
namespace {

Request request_for(std::string_view url, std::string method = "GET") {
  Request request;
  request.method = std::move(method);
  request.url = Url::parse(url);
  return request;
}

Response redirect_to(std::string_view location, int status = 302) {
  Response response;
  response.status = status;
  response.headers.add("Location", location);
  return response;
}

/// The URL that is asked for after a redirect to `location` from `from`.
std::string followed(std::string_view location, std::string_view from = "http://a/b/c?q") {
  Request request = request_for(from);
  EXPECT_TRUE(Redirects().follow(redirect_to(location), request));
  return request.url.to_string();
}

TEST(Redirects, KnowsTheFiveStatuses) {
  for (int status = 100; status < 600; ++status) {
    const bool expected =
        status == 301 || status == 302 || status == 303 || status == 307 || status == 308;
    EXPECT_EQ(is_redirect(status), expected) << status;
    Request request = request_for("http://a/");
    EXPECT_EQ(Redirects().follow(redirect_to("/b", status), request), expected) << status;
    EXPECT_EQ(request.url.path, expected ? "/b" : "/") << status;
  }
}

TEST(Redirects, FollowsNothingWithoutALocation) {
  Response response;
  response.status = 302;
  Request request = request_for("http://a/b");
  Redirects redirects;
  EXPECT_FALSE(redirects.follow(response, request));
  EXPECT_EQ(redirects.count(), 0);
  EXPECT_EQ(request.url.to_string(), "http://a/b");
}

// RFC 9110 sections 15.4.2 to 15.4.9, and what browsers do with 301 and 302.
TEST(Redirects, ChangesTheMethodAsTheRfcAllows) {
  const struct {
    int status;
    const char* method;
    const char* next;
  } rules[] = {
      {301, "GET", "GET"},       {301, "HEAD", "HEAD"},     {301, "POST", "GET"},
      {301, "PUT", "PUT"},       {301, "DELETE", "DELETE"}, {302, "GET", "GET"},
      {302, "HEAD", "HEAD"},     {302, "POST", "GET"},      {302, "PUT", "PUT"},
      {303, "GET", "GET"},       {303, "HEAD", "HEAD"},     {303, "POST", "GET"},
      {303, "PUT", "GET"},       {303, "DELETE", "GET"},    {307, "POST", "POST"},
      {307, "HEAD", "HEAD"},     {307, "PUT", "PUT"},       {308, "POST", "POST"},
      {308, "DELETE", "DELETE"},
  };
  for (const auto& [status, method, next] : rules) {
    Request request = request_for("http://a/", method);
    request.body = "data";
    request.headers.add("Content-Type", "text/plain");
    request.headers.add("Content-Length", "4");
    request.headers.add("X", "y");
    EXPECT_TRUE(Redirects().follow(redirect_to("/b", status), request));
    EXPECT_EQ(request.method, next) << status << " " << method;
    // The body goes exactly when the method changed (or 303 asks for a page), and so does what
    // describes it; the rest stays.
    const bool dropped =
        std::string(method) != next || (status == 303 && next == std::string("GET"));
    EXPECT_EQ(request.body, dropped ? "" : "data") << status << " " << method;
    EXPECT_EQ(request.headers.contains("Content-Type"), !dropped) << status << " " << method;
    EXPECT_EQ(request.headers.contains("Content-Length"), !dropped) << status << " " << method;
    EXPECT_EQ(request.headers.get("X"), "y");
  }
}

TEST(Redirects, ResolvesARelativeLocation) {
  EXPECT_EQ(followed("/x"), "http://a/x");
  EXPECT_EQ(followed("x"), "http://a/b/x");
  EXPECT_EQ(followed("../x?y"), "http://a/x?y");
  EXPECT_EQ(followed("?y"), "http://a/b/c?y");
  EXPECT_EQ(followed("//b.example/x"), "http://b.example/x");
  EXPECT_EQ(followed("http://B.example:8080"), "http://b.example:8080");
}

// RFC 9110 section 10.2.2.
TEST(Redirects, InheritsTheFragmentUnlessThereIsANewOne) {
  EXPECT_EQ(followed("/x", "http://a/b#old"), "http://a/x#old");
  EXPECT_EQ(followed("/x#new", "http://a/b#old"), "http://a/x#new");
  EXPECT_EQ(followed("/x#", "http://a/b#old"), "http://a/x#");
  EXPECT_EQ(followed("http://b/", "http://a/b#old"), "http://b/#old");
}

TEST(Redirects, EncodesWhatServersForgetToEncode) {
  EXPECT_EQ(followed("/gr\xc3\xbc\xc3\x9f e?a[]=b"), "http://a/gr%C3%BC%C3%9F%20e?a%5B%5D=b");
}

TEST(Redirects, KeepsSecretsWithinTheirOrigin) {
  const struct {
    const char* location;
    bool same_origin;
  } cases[] = {
      {"/x", true},
      {"http://a.example/x", true},
      {"http://A.EXAMPLE:80/x", true},
      {"//a.example/x", true},
      {"http://a.example:81/x", false},
      {"http://b.example/x", false},
      {"http://a.example./x", false},
      {"http://sub.a.example/x", false},
      {"http://a.example@b.example/x", false},
  };
  for (const auto& [location, same_origin] : cases) {
    Request request = request_for("http://a.example/");
    for (const char* name : {"authorization", "Cookie", "COOKIE", "Proxy-Authorization", "Host"}) {
      request.headers.add(name, "secret");
    }
    request.headers.add("X", "y");
    EXPECT_TRUE(Redirects().follow(redirect_to(location), request));
    EXPECT_EQ(request.headers.size(), same_origin ? 6u : 1u) << location;
    EXPECT_EQ(request.headers.get("X"), "y");
  }
}

TEST(Redirects, DoesNotGiveSecretsBackWhenTheWayLeadsHome) {
  Request request = request_for("http://a/");
  request.headers.add("Authorization", "secret");
  Redirects redirects;
  redirects.follow(redirect_to("http://b/"), request);
  redirects.follow(redirect_to("http://a/"), request);
  EXPECT_EQ(request.url.host, "a");
  EXPECT_FALSE(request.headers.contains("Authorization"));
}

TEST(Redirects, StopsAfterTwenty) {
  Redirects redirects;
  Request request = request_for("http://a/");
  for (int i = 1; i <= 20; ++i) {
    EXPECT_TRUE(redirects.follow(redirect_to("/" + std::to_string(i)), request));
    EXPECT_EQ(redirects.count(), i);
  }
  try {
    redirects.follow(redirect_to("/21"), request);
    ADD_FAILURE() << "followed the 21st";
  } catch (const LimitExceeded& error) {
    EXPECT_STREQ(error.what(), "more than 20 redirects");
  }
  EXPECT_EQ(request.url.path, "/20");
}

TEST(Redirects, HasALimitThatCanBeSet) {
  Request request = request_for("http://a/");
  EXPECT_THROW(Redirects(0).follow(redirect_to("/x"), request), LimitExceeded);
  Redirects one(1);
  EXPECT_TRUE(one.follow(redirect_to("/x"), request));
  EXPECT_THROW(one.follow(redirect_to("/x"), request), LimitExceeded);
}

TEST(Redirects, SaysWhyItDoesNotFollowToHttps) {
  Request request = request_for("http://a/");
  try {
    Redirects().follow(redirect_to("https://u:secret@b/x"), request);
    ADD_FAILURE() << "followed";
  } catch (const UnsupportedScheme& error) {
    EXPECT_STREQ(error.what(),
                 "redirected to https://b/x, but this runtime speaks no TLS: http:// only");
  }
  EXPECT_EQ(request.url.to_string(), "http://a/");
}

TEST(Redirects, RefusesAHostileLocation) {
  for (const char* location : {"ftp://b/", "file:///etc/passwd", "javascript:alert(1)", "http://",
                               "http:///x", "http://b:0/", "http://b:99999/", "http://u@v@w/",
                               "\\\\b\\x", "/\\b", "http://b\\@c/", "/%zz", "http:x"}) {
    Request request = request_for("http://a/");
    EXPECT_THROW(Redirects().follow(redirect_to(location), request), ProtocolError) << location;
    EXPECT_EQ(request.url.to_string(), "http://a/") << location;
  }
}

TEST(Redirects, RefusesTwoLocationsThatDiffer) {
  Request request = request_for("http://a/");
  Response response = redirect_to("/x");
  response.headers.add("Location", "/x");
  EXPECT_TRUE(Redirects().follow(response, request));
  response.headers.add("Location", "/y");
  EXPECT_THROW(Redirects().follow(response, request), ProtocolError);
}

}  // namespace
}  // namespace simul::http
