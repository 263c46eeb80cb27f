#include "runtime/http/content_coding.hpp"

#include <algorithm>

#include "runtime/http/error.hpp"
#include "runtime/http/uri.hpp"

namespace simul::http {

ContentDecoder::ContentDecoder(const Headers& headers, const ExpansionLimits& limits)
    : guard_(limits) {
  for (std::string_view list : headers.get_all("Content-Encoding")) {
    while (!list.empty()) {
      const std::size_t comma = std::min(list.find(','), list.size());
      add_coding(trim_whitespace(list.substr(0, comma)), limits);
      list.remove_prefix(std::min(comma + 1, list.size()));
    }
  }
  std::reverse(stages_.begin(), stages_.end());  // named in the order in which they were applied
}

void ContentDecoder::add_coding(std::string_view coding, const ExpansionLimits& limits) {
  if (!refused_.empty() || coding.empty() || equal_ignoring_case(coding, "identity")) return;
  const bool gzip = equal_ignoring_case(coding, "gzip") || equal_ignoring_case(coding, "x-gzip");
  if (!gzip && !equal_ignoring_case(coding, "deflate")) {
    refused_ = "Content-Encoding: " + quote(coding) + " is not known here";
    refused_status_ = 415;
  } else if (stages_.size() == kMaxCodings) {
    refused_ = "Content-Encoding: more than " + std::to_string(kMaxCodings) + " codings";
  } else {
    stages_.push_back({Inflater(gzip ? Frame::gzip : Frame::zlib_or_raw, limits), {}});
  }
}

std::string_view ContentDecoder::next(std::string_view& input) {
  if (!refused_.empty() && !input.empty()) throw ProtocolError(refused_, refused_status_);
  if (stages_.empty()) {
    const std::string_view piece = input;
    input = {};
    return piece;
  }
  guard_.check();
  // The last stage first: it may have more of what it was given. When it has not, the one before it
  // is asked for more, and so on; a stage's piece is good until that stage is asked again.
  for (std::size_t at = stages_.size() - 1;;) {
    std::string_view& bytes = at == 0 ? input : stages_[at].input;
    const std::size_t before = bytes.size();
    const std::string_view piece = stages_[at].inflater.next(bytes);
    if (at == 0) taken_ += before - bytes.size();
    if (piece.empty()) {
      if (at == 0) return {};
      --at;
    } else if (at + 1 < stages_.size()) {
      stages_[++at].input = piece;
    } else {
      const std::string_view admitted = guard_.admit(piece, taken_);
      if (admitted.empty()) guard_.check();
      return admitted;
    }
  }
}

void ContentDecoder::finish() const {
  guard_.check();
  if (taken_ == 0) return;
  for (const Stage& stage : stages_) stage.inflater.finish();
}

}  // namespace simul::http
