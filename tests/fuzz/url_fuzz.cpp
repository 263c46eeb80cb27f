// Any bytes as a URL, alone and against a base. What holds for each: either it is refused with
// InvalidUrl, or its parts can stand in a request, and putting them together and taking them apart
// again gives the same URL. Resolving twice changes nothing more.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "runtime/http/error.hpp"
#include "runtime/http/start_line.hpp"
#include "runtime/http/url.hpp"

using simul::http::InvalidUrl;
using simul::http::Uri;
using simul::http::Url;

namespace {

void must(bool promise) {
  if (!promise) std::abort();
}

void check(const Url& url) {
  must(url.scheme == "http" || url.scheme == "https");
  must(!url.host.empty() && url.port != 0);
  must(simul::http::is_request_target(url.target()));
  must(simul::http::is_request_target(url.host_header()));
  must(url.path.empty() || url.path[0] == '/');
  must(Url::parse(url.to_string(), SIZE_MAX) == url);
  must(Url::parse(url.to_display(), SIZE_MAX).origin() == url.origin());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  static const Url base = Url::parse("http://user@base.example:8080/b/c/d;p?q#f");
  try {
    const Uri uri = Uri::parse(text);
    must(uri.to_string() == text || uri.path.starts_with("//"));
  } catch (const InvalidUrl&) {
  }
  try {
    check(Url::parse(text));
  } catch (const InvalidUrl&) {
  }
  try {
    const Url resolved = base.resolve(text);
    check(resolved);
    must(base.resolve(resolved.to_string()) == resolved);
  } catch (const InvalidUrl&) {
  }
  simul::http::quote(text);
  return 0;
}
