// A small strict reader of XML, to check pictures with: it accepts less than XML allows.
//
// Elements, attributes in double quotes, text, the four entities that we use; no declaration, no
// comments, no CDATA, no processing instructions, nothing outside the root. Whatever else comes
// throws std::runtime_error with the place.
#pragma once

#include <algorithm>
#include <cstddef>
#include <map>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/json/utf8.hpp"

namespace simul::testing {

struct Element {
  std::string name{};
  std::map<std::string, std::string> attributes{};
  std::string text{};  ///< What stands in it directly.
  std::vector<Element> children{};

  std::string at(const std::string& key) const {
    const auto found = attributes.find(key);
    return found == attributes.end() ? "" : found->second;
  }
  double number(const std::string& key) const { return std::stod(at(key)); }

  /// Itself and all below, in order.
  void walk(const auto& visit) const {
    visit(*this);
    for (const Element& child : children) child.walk(visit);
  }
};

class XmlReader {
 public:
  static Element read(std::string_view text) {
    XmlReader reader(text);
    reader.check_characters();
    Element root = reader.element();
    if (reader.at_ != text.size() && text.substr(reader.at_) != "\n")
      reader.fail("more than one root");
    return root;
  }

 private:
  explicit XmlReader(std::string_view text) : text_(text) {}

  [[noreturn]] void fail(const std::string& what) const {
    throw std::runtime_error(what + " at byte " + std::to_string(at_) + ": " +
                             std::string(text_.substr(at_, 40)));
  }

  void check_characters() {
    const char* const end = text_.data() + text_.size();
    for (at_ = 0; at_ < text_.size();) {
      const std::size_t length = json::utf8_length(text_.data() + at_, end);
      const auto byte = static_cast<unsigned char>(text_[at_]);
      if (length == 0 || (byte < 0x20 && byte != '\n')) fail("no character of XML");
      if (text_.substr(at_, 2) == "\xEF\xBF" && text_[at_ + 2] != '\xBD' &&
          text_[at_ + 2] >= '\xBE') {
        fail("U+FFFE or U+FFFF");
      }
      at_ += length;
    }
    at_ = 0;
  }

  bool take(std::string_view what) {
    if (text_.substr(at_, what.size()) != what) return false;
    at_ += what.size();
    return true;
  }

  std::string name() {
    const std::size_t from = at_;
    while (at_ < text_.size() && (std::isalnum(static_cast<unsigned char>(text_[at_])) != 0 ||
                                  text_[at_] == '-' || text_[at_] == ':')) {
      ++at_;
    }
    if (from == at_) fail("a name expected");
    return std::string(text_.substr(from, at_ - from));
  }

  // Text up to `stop`, which is not taken.
  std::string text_until(char stop) {
    std::string out;
    while (at_ < text_.size() && text_[at_] != stop) {
      if (text_[at_] == '<') fail("< in an attribute");
      if (text_.substr(at_, 3) == "]]>") fail("]]> in text");
      if (text_[at_] != '&') {
        out += text_[at_++];
      } else if (take("&amp;")) {
        out += '&';
      } else if (take("&lt;")) {
        out += '<';
      } else if (take("&gt;")) {
        out += '>';
      } else if (take("&quot;")) {
        out += '"';
      } else {
        fail("an entity expected");
      }
    }
    return out;
  }

  Element element() {
    if (!take("<")) fail("< expected");
    Element out{.name = name()};
    while (take(" ")) {
      const std::string key = name();
      if (!take("=\"")) fail("=\" expected");
      if (!out.attributes.emplace(key, text_until('"')).second) fail("attribute given twice");
      if (!take("\"")) fail("\" expected");
    }
    if (take("/>")) return out;
    if (!take(">")) fail("> expected");
    while (true) {
      out.text += text_until('<');
      if (take("</")) break;
      out.children.push_back(element());
    }
    if (name() != out.name) fail("</" + out.name + "> expected");
    if (!take(">")) fail("> expected");
    return out;
  }

  std::string_view text_;
  std::size_t at_ = 0;
};

}  // namespace simul::testing
