#include "runtime/web/access_log.hpp"

#include <ctime>

#include "runtime/http/date.hpp"

namespace simul::web {

std::string access_line(const AccessEntry& entry, std::int64_t now) {
  std::string line = entry.peer.family() == AF_UNSPEC ? "-" : entry.peer.to_string();
  line.append(" [").append(http::log_date(now)).append("] \"");
  if (entry.method.empty()) line += '-';
  for (char c : entry.method) line += c;
  if (!entry.method.empty()) {
    line += ' ';
    for (char c : entry.target) c == '"' || c == '\\' ? (line += '\\') += c : line += c;
    line.append(" HTTP/1.").append(std::to_string(entry.minor_version));
  }
  char rest[64];
  std::snprintf(rest, sizeof rest, "\" %d %llu %.3f%s", entry.status,
                static_cast<unsigned long long>(entry.bytes), to_seconds(entry.took),
                entry.complete ? "" : " cut");
  return line + rest;
}

AccessLog log_to(std::FILE* file) {
  return [file](const AccessEntry& entry) {
    const std::string line = access_line(entry, std::time(nullptr));
    std::fprintf(file, "%s\n", line.c_str());
    std::fflush(file);
  };
}

}  // namespace simul::web
