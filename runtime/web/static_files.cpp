#include "runtime/web/static_files.hpp"

#include <fcntl.h>
#include <sys/stat.h>

#include <cerrno>
#include <cstdio>
#include <optional>
#include <utility>

#include "runtime/base/error.hpp"
#include "runtime/http/byte_range.hpp"
#include "runtime/http/conditional.hpp"
#include "runtime/http/date.hpp"
#include "runtime/http/percent.hpp"
#include "runtime/task/to_thread.hpp"
#include "runtime/web/file_reader.hpp"
#include "runtime/web/media_type.hpp"
#include "runtime/web/open_beneath.hpp"

namespace simul::web {
namespace {

Response not_found() {
  return Response(404, "there is no such file\n");
}

// Does the path stay below, as far as its letters say? The kernel is asked again.
bool is_plain_path(std::string_view path) {
  if (path.starts_with('/') || path.find('\0') != path.npos) return false;
  while (!path.empty()) {
    const std::string_view segment = path.substr(0, path.find('/'));
    if (segment == "..") return false;
    path.remove_prefix(std::min(segment.size() + 1, path.size()));
  }
  return true;
}

// Our own troubles, which the client cannot mend by another path.
bool is_shortage(int error) {
  return error == EMFILE || error == ENFILE || error == ENOMEM || error == EIO;
}

Task<Opened> open_file(std::shared_ptr<const UniqueFd> folder, std::string path) {
  Opened opened = open_beneath(folder->get(), path, MayWait::no);
  if (opened.error == EAGAIN) {
    auto open_and_wait = [folder, path] { return open_beneath(folder->get(), path, MayWait::yes); };
    opened = co_await to_thread(std::move(open_and_wait));
  }
  if (is_shortage(opened.error)) throw_errno("open " + path, opened.error);
  co_return opened;
}

struct stat status_of(const UniqueFd& file, const std::string& path) {
  struct stat status {};
  if (::fstat(file.get(), &status) < 0) throw_errno("fstat " + path);
  return status;
}

// The same size and the same nanosecond: the same content.
std::string tag_of(const struct stat& status) {
  char tag[64];
  std::snprintf(tag, sizeof tag, "\"%llx-%llx%08lx\"",
                static_cast<unsigned long long>(status.st_size),
                static_cast<unsigned long long>(status.st_mtim.tv_sec),
                static_cast<unsigned long>(status.st_mtim.tv_nsec));
  return tag;
}

// `count` bytes of the file from `first`, as the body of `response`.
Task<> add_body(Response& response, UniqueFd file, std::string path, http::ByteRange part) {
  FileReader reader(std::move(file), part.first, part.count, path);
  if (part.count <= FileReader::kPiece) {
    for (std::string_view piece; !(piece = co_await reader.read()).empty();) {
      response.body.append(piece);
    }
    co_return;
  }
  response.headers.set("Content-Length", std::to_string(part.count));
  response.stream = [reader = std::move(reader)](BodyWriter& out) mutable -> Task<> {
    for (std::string_view piece; !(piece = co_await reader.read()).empty();) {
      co_await out.write(piece);
    }
  };
}

Response describe(const struct stat& status, const std::string& path, const std::string& tag) {
  Response response(200);
  response.headers.add("Content-Type", media_type(path));
  response.headers.add("Last-Modified", http::format_date(status.st_mtim.tv_sec));
  response.headers.add("ETag", tag);
  response.headers.add("Accept-Ranges", "bytes");
  return response;
}

}  // namespace

StaticFiles::StaticFiles(const std::string& folder, StaticFilesOptions options)
    : options_(std::move(options)) {
  UniqueFd fd(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!fd) throw_errno("open " + folder);
  folder_ = std::make_shared<const UniqueFd>(std::move(fd));
}

Task<Response> StaticFiles::operator()(Request& request) {
  std::string path;
  if (!request.params.empty()) path = request.params.back().second;
  if (!is_plain_path(path)) co_return not_found();
  const bool is_folder = path.empty() || path.ends_with('/');
  if (is_folder) path += options_.index;

  Opened opened = co_await open_file(folder_, path);
  if (!opened.file) co_return not_found();
  const struct stat status = status_of(opened.file, path);
  if (S_ISDIR(status.st_mode) && !is_folder) {
    Opened index = co_await open_file(folder_, path + "/" + options_.index);
    if (!index.file) co_return not_found();
    Response moved(301, "see the address with a slash\n");
    const std::string query(request.query());
    moved.headers.add("Location",
                      std::string(request.path()) + "/" + (query.empty() ? "" : "?" + query));
    co_return moved;
  }
  if (!S_ISREG(status.st_mode)) co_return not_found();

  const std::string tag = tag_of(status);
  const http::Validators current{tag, status.st_mtim.tv_sec};
  const auto size = static_cast<std::uint64_t>(status.st_size);
  Response response = describe(status, path, tag);
  if (!options_.cache_control.empty()) {
    response.headers.add("Cache-Control", options_.cache_control);
  }
  switch (http::check_conditions(request.headers(), request.method(), current)) {
    case http::Condition::not_modified:
      response.status = 304;
      response.headers.remove("Content-Type");
      co_return response;
    case http::Condition::failed:
      co_return Response(412, "the file is another one by now\n");
    case http::Condition::go_on:
      break;
  }
  http::ByteRange part{0, size};
  const auto range = request.headers().get("Range");
  if (range && request.method() == "GET" && http::range_is_current(request.headers(), current)) {
    if (const auto chosen = http::chosen_range(*range, size)) {
      if (chosen->count == 0) {
        Response refused(416, "the file has " + std::to_string(size) + " bytes\n");
        refused.headers.add("Content-Range", "bytes */" + std::to_string(size));
        co_return refused;
      }
      part = *chosen;
      response.status = 206;
      response.headers.add("Content-Range", part.content_range(size));
    }
  }
  if (request.method() == "HEAD") {
    response.headers.set("Content-Length", std::to_string(size));
    co_return response;
  }
  co_await add_body(response, std::move(opened.file), path, part);
  co_return response;
}

}  // namespace simul::web
