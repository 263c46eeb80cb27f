// StaticFiles: a handler that answers with the files of a folder.
//
//     router.get("/{path...}", web::StaticFiles("public"));
//
// The last named part of the route is the path below the folder. A path that ends with a slash (or
// is empty) means its index.html; a folder's name without the slash is redirected to the one with
// it, since the links in the page count from there. There is no listing, and whatever is no regular
// file, or not there, is 404: a client does not learn more.
//
// Nothing outside the folder can be had (open_beneath.hpp). The answers have a type, a length, a
// date and a tag; a part is given when one range is asked for, 304 when the client has it already.
// Nothing here holds up the loop: what is not in the kernel's memory is opened and read on a thread
// of the pool (file_reader.hpp).
//
// What it does not do: cache, compress, list.
#pragma once

#include <memory>
#include <string>

#include "runtime/base/unique_fd.hpp"
#include "runtime/task/task.hpp"
#include "runtime/web/request.hpp"
#include "runtime/web/response.hpp"

namespace simul::web {

struct StaticFilesOptions {
  std::string index = "index.html";  ///< what a path that ends with a slash means
  std::string cache_control{};       ///< the value of that header; empty: none is sent
};

class StaticFiles {
 public:
  /// Opens the folder, which stays open as long as the handler lives. Throws std::system_error:
  /// "open public: No such file or directory".
  explicit StaticFiles(const std::string& folder, StaticFilesOptions options = {});

  /// The handler. For GET and HEAD.
  Task<Response> operator()(Request& request);

 private:
  std::shared_ptr<const UniqueFd> folder_;  // shared with a thread that may be at it
  StaticFilesOptions options_;
};

}  // namespace simul::web
