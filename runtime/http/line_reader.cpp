#include "runtime/http/line_reader.hpp"

namespace simul::http {

LineReader::Result LineReader::next(std::string_view& input, std::size_t max_length,
                                    std::string_view& line) {
  if (handed_out_) reset();
  const std::size_t end = input.find('\n');  // memchr
  const std::size_t length = partial_.size() + std::min(end, input.size());
  if (length > max_length) return Result::too_long;
  if (end == input.npos) {
    partial_.append(input);
    input = {};
    return Result::incomplete;
  }
  if (partial_.empty()) {
    line = input.substr(0, end);
  } else {
    partial_.append(input.substr(0, end));
    line = partial_;
    handed_out_ = true;
  }
  input.remove_prefix(end + 1);
  return Result::line;
}

void LineReader::reset() noexcept {
  partial_.clear();
  handed_out_ = false;
}

}  // namespace simul::http
