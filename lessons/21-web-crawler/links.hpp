// The links of a page: where its <a>, <area>, <frame> and <iframe> lead.
//
// HTML has no errors: whatever the bytes are, a browser makes a page of them. So this is no parser
// but a scanner, which knows just enough to see what is a tag and what only looks like one:
//
//     <!-- <a href="/x"> -->            a comment: no link
//     <script>"<a href='/x'>"</script>  a script: no link (style, title, textarea and others too)
//     <A HREF = /x?a&amp;b>             a link, to "/x?a&b"
//     <a href='/x                       no link: the page ends before the tag does
//
// It goes once over the text from the front to the end and never back, so a page of a million "<"
// costs no more than one of a million letters. It does not run scripts: what they add is not there.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/http/headers.hpp"
#include "runtime/json/utf8.hpp"

namespace simul::crawl {

/// What a page says of other pages, as it stands there; only character references are replaced.
struct Links {
  std::optional<std::string> base;   ///< the first <base href>, which the others are relative to
  std::vector<std::string> targets;  ///< in their order, with repetitions
};

/// `&amp;` and its like as the characters that they stand for, as far as addresses have them: amp,
/// lt, gt, quot, apos and numbers. Others stay as they are: in "?a=1&copy=2" it is no ©.
inline std::string replace_references(std::string_view text);

namespace detail {

inline bool is_space(char c) {
  return c == ' ' || c == '\t' || c == '\n' || c == '\f' || c == '\r';
}

// "&#65;" or "&#x41;" at the beginning of `text`: how long it is, 0 if it is none.
inline std::size_t numeric_reference(std::string_view text, std::string& out) {
  const bool hex = text.size() > 2 && (text[2] == 'x' || text[2] == 'X');
  const std::string_view digits = hex ? "0123456789abcdefABCDEF" : "0123456789";
  const std::size_t first = hex ? 3 : 2;
  std::size_t at = first;
  std::uint32_t code = 0;
  for (; at < text.size() && digits.find(text[at]) != digits.npos; ++at) {
    const char c = text[at];
    const auto digit = static_cast<std::uint32_t>(c <= '9' ? c - '0' : (c | 32) - 'a' + 10);
    if (code <= 0x10ffff) code = code * (hex ? 16 : 10) + digit;
  }
  if (at == first) return 0;
  // What is no character is shown as one that says so.
  if (code == 0 || code > 0x10ffff || (code >= 0xd800 && code < 0xe000)) code = 0xfffd;
  json::append_utf8(out, code);
  return at + (at < text.size() && text[at] == ';' ? 1 : 0);
}

class LinkScanner {
 public:
  LinkScanner(std::string_view html, std::size_t limit) : html_(html), limit_(limit) {}

  Links scan() {
    while (links_.targets.size() < limit_ && skip_to('<')) {
      if (rest().starts_with("<!--")) {
        at_ += 2;  // "<!-->" is a comment, too
        skip_behind("-->");
      } else if (rest().starts_with("<!") || rest().starts_with("<?")) {
        skip_behind(">");
      } else if (is_letter(peek(1))) {
        ++at_;
        tag();
      } else if (peek(1) == '/') {
        at_ += 2;
        read_tag();
      } else {
        ++at_;
      }
    }
    return std::move(links_);
  }

 private:
  struct Tag {
    std::string_view name;
    std::optional<std::string_view> href;
    std::optional<std::string_view> src;
  };

  static bool is_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }

  std::string_view rest() const { return html_.substr(at_); }
  bool ended() const { return at_ >= html_.size(); }
  char peek(std::size_t ahead = 0) const {
    return at_ + ahead < html_.size() ? html_[at_ + ahead] : '\0';
  }

  // Each of these either finds something in front of it or ends the scan.
  bool skip_to(char c) {
    at_ = std::min(html_.find(c, at_), html_.size());
    return !ended();
  }
  void skip_behind(std::string_view text) {
    const std::size_t found = html_.find(text, at_);
    at_ = found == html_.npos ? html_.size() : found + text.size();
  }
  void skip_spaces() {
    while (!ended() && is_space(html_[at_])) ++at_;
  }
  template <class Ends>
  std::string_view take_until(Ends ends) {
    const std::size_t start = at_;
    while (!ended() && !ends(html_[at_])) ++at_;
    return html_.substr(start, at_ - start);
  }

  // From behind the "<" to behind the ">"; nothing if the page ends within it.
  std::optional<Tag> read_tag() {
    Tag tag;
    tag.name = take_until([](char c) { return is_space(c) || c == '/' || c == '>'; });
    for (;;) {
      take_until([](char c) { return !is_space(c) && c != '/'; });
      if (ended()) return std::nullopt;
      if (peek() == '>') {
        ++at_;
        return tag;
      }
      attribute(tag);
    }
  }

  void attribute(Tag& tag) {
    const std::size_t start = at_++;  // a "=" in front belongs to the name
    take_until([](char c) { return is_space(c) || c == '/' || c == '>' || c == '='; });
    const std::string_view name = html_.substr(start, at_ - start);
    skip_spaces();
    if (peek() != '=') return;
    ++at_;
    skip_spaces();
    std::string_view value;
    if (peek() == '"' || peek() == '\'') {
      const char quote = html_[at_++];
      value = take_until([&](char c) { return c == quote; });
      if (!ended()) ++at_;
    } else {
      value = take_until([](char c) { return is_space(c) || c == '>'; });
    }
    // Of two attributes of one name the first counts.
    if (http::equal_ignoring_case(name, "href") && !tag.href) tag.href = value;
    if (http::equal_ignoring_case(name, "src") && !tag.src) tag.src = value;
  }

  void tag() {
    const std::optional<Tag> tag = read_tag();
    if (!tag) return;
    const auto is = [&](std::string_view name) {
      return http::equal_ignoring_case(tag->name, name);
    };
    if (is("a") || is("area")) {
      if (tag->href) links_.targets.push_back(replace_references(*tag->href));
    } else if (is("frame") || is("iframe")) {
      if (tag->src) links_.targets.push_back(replace_references(*tag->src));
    } else if (is("base")) {
      if (tag->href && !links_.base) links_.base = replace_references(*tag->href);
    } else if (is("script") || is("style") || is("title") || is("textarea") || is("xmp") ||
               is("noframes")) {
      skip_text_of(tag->name);
    }
  }

  // Everything up to the end tag is text, whatever it looks like.
  void skip_text_of(std::string_view name) {
    for (; skip_to('<'); ++at_) {
      const char after = peek(2 + name.size());
      if (peek(1) == '/' && http::equal_ignoring_case(html_.substr(at_ + 2, name.size()), name) &&
          (is_space(after) || after == '/' || after == '>')) {
        return;
      }
    }
  }

  std::string_view html_;
  std::size_t limit_;
  std::size_t at_ = 0;
  Links links_;
};

}  // namespace detail

inline std::string replace_references(std::string_view text) {
  struct Named {
    std::string_view name;
    char character;
  };
  static constexpr Named kNames[] = {
      {"&amp;", '&'}, {"&lt;", '<'}, {"&gt;", '>'}, {"&quot;", '"'}, {"&apos;", '\''}};
  std::string out;
  while (!text.empty()) {
    const std::size_t plain = std::min(text.find('&'), text.size());
    out.append(text.substr(0, plain));
    text.remove_prefix(plain);
    if (text.empty()) break;
    std::size_t length = text.starts_with("&#") ? detail::numeric_reference(text, out) : 0;
    for (const Named& named : kNames) {
      if (length != 0 || !text.starts_with(named.name)) continue;
      out += named.character;
      length = named.name.size();
    }
    if (length == 0) {
      out += '&';
      length = 1;
    }
    text.remove_prefix(length);
  }
  return out;
}

/// Finds at most `limit` links in `html`, which may be anything at all. Linear in its length.
inline Links find_links(std::string_view html, std::size_t limit = 5'000) {
  return detail::LinkScanner(html, limit).scan();
}

}  // namespace simul::crawl
