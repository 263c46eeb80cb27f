// One page of the made-up site, and how its HTML is written.
//
// Real pages say the same address in a dozen ways and are full of what only looks like a link. So
// the writer chooses a spelling for each link, and puts decoys beside them: whoever asks for
// something under /decoy/ has taken a comment, a script or an attribute's text for a link.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <random>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/base/clock.hpp"

namespace simul::crawl {

/// What the odd server does when it is asked for a page of that name.
enum class Trouble : std::uint8_t {
  none,
  garbage,       ///< answers something that is no HTTP
  truncated,     ///< announces more than it sends
  reset,         ///< resets the connection in the middle of the body
  reset_once,    ///< the same for the first time, and then answers
  silence,       ///< never answers
  drip,          ///< sends a byte now and then, for ever
  endless_head,  ///< sends header fields for ever
  wrong_length,  ///< sends more than it has announced
};

inline constexpr std::array<Trouble, 8> kTroubles = {
    Trouble::garbage, Trouble::truncated, Trouble::reset,        Trouble::reset_once,
    Trouble::silence, Trouble::drip,      Trouble::endless_head, Trouble::wrong_length};

inline std::string_view name_of(Trouble trouble) {
  constexpr std::array<std::string_view, 9> kNames = {"",      "garbage",      "truncated",
                                                      "reset", "reset-once",   "silence",
                                                      "drip",  "endless-head", "wrong-length"};
  return kNames[static_cast<std::size_t>(trouble)];
}

/// What stands at an address, and what is true of it.
struct Resource {
  int status = 200;
  std::string type = "text/html; charset=utf-8";
  std::string body{};
  std::string location{};  ///< of a redirect, as it is sent
  Duration think{};        ///< before it is answered, on top of the site's latency
  std::size_t filler = 0;  ///< so many bytes more
  int failures = 0;        ///< so many requests get `failure_status` before it is well
  int failure_status = 500;
  std::string retry_after{};  ///< sent with those
  Trouble trouble = Trouble::none;

  std::vector<std::string> links{};   ///< the addresses that it links to, in their normal form
  std::optional<std::string> goal{};  ///< the one that it redirects to
  int copy = -1;                      ///< pages with the same number are equal
};

/// The page of which several copies are about. It says nothing of where it stands.
inline std::string copied_page(int number, const std::string& link) {
  return "<!doctype html>\n<title>Copy " + std::to_string(number) + "</title>\n<p><a href=\"" +
         link + "\">This page</a> is there more than once.\n";
}

/// Writes the HTML of one page.
class PageWriter {
 public:
  PageWriter(std::mt19937_64& random, const std::string& url) : random_(random), url_(url) {
    const std::size_t path = url.find('/', 7);
    origin_ = url.substr(0, path);
    // "/games/12" lies one folder deep.
    for (std::size_t at = url.find('/', path + 1); at != url.npos; at = url.find('/', at + 1)) {
      up_ += "../";
    }
  }

  std::string write(const std::vector<std::string>& links, std::size_t filler) {
    std::string text = "<!DOCTYPE html>\n<html><head><title>A page <a href='/decoy/title'>";
    text += url_ + "</a></title>\n";
    // Some pages say that their links are to be read as if they stood elsewhere.
    if (below(20) == 0) {
      text += "<base href=\"" + origin_ + "/some/where/\"><base href='/decoy/base/'>\n";
      up_ = "../../";
    }
    text += "<script>document.write('<a href=\"/decoy/script\">');</script>\n</head><body>\n";
    for (const std::string& link : links) {
      text += "<p>" + words() + "\n" + anchor(link) + words() + "</a>\n";
    }
    text += "<!-- <a href=\"/decoy/comment\">--><img alt='<a href=/decoy/alt>'>\n";
    text += "<a name=here><a href='mailto:nobody@chess.localhost'><a href=\"https://" +
            origin_.substr(7) + "/decoy/tls\"><a href='javascript:void(0)'><a href='http://['>\n";
    while (filler > 0) {  // what is cut off holds nothing that would be missed
      const std::size_t size = std::min<std::size_t>(filler, 60);
      text += std::string(size - 1, 'x') + "\n";
      filler -= size;
    }
    return text + "</body></html>\n";
  }

 private:
  std::size_t below(std::size_t limit) { return static_cast<std::size_t>(random_() % limit); }

  std::string words() {
    constexpr std::string_view kWords[] = {"king", "queen", "rook",    "bishop", "knight",
                                           "pawn", "takes", "castles", "gives",  "check",
                                           "mate", "draws", "resigns", "&amp;",  "moves"};
    std::string text;
    for (std::size_t count = 5 + below(30); count > 0; --count) {
      text += std::string(kWords[below(std::size(kWords))]) + " ";
    }
    return text;
  }

  // The start tag of a link, in one of many ways.
  std::string anchor(const std::string& link) {
    const std::string target = spelling(link);
    switch (below(5)) {
      case 0:
        return "<A HREF='" + target + "'>";
      case 1:
        return "<a class=\"x>y\"\nhref = \"" + target + "\" title='href=/decoy/title'>";
      case 2:
        if (target.find_first_of(" \n") == target.npos) return "<a href=" + target + ">";
        break;
      case 3:
        return "<a href=\"" + target + "\" href=\"/decoy/second\">";
      default:
        break;
    }
    return "<a href=\"" + target + "\">";
  }

  // Another text that means the same address.
  std::string spelling(const std::string& link) {
    const std::size_t slash = link.find('/', 7);
    const std::string authority = link.substr(7, slash - 7);
    const std::string path = link.substr(slash);
    const bool here = link.starts_with(origin_ + "/");
    switch (below(9)) {
      case 0:
        return "HTTP://" + upper_case(authority) + path;
      case 1:
        return "//" + authority + path + "#part";
      case 2:
        if (authority.find(':') == authority.npos) return "http://" + authority + ":80" + path;
        return link + "#";
      case 3:
        return link.substr(0, slash) + "/unseen/%2e%2E/." + path;
      case 4:
        if (here) return path;
        break;
      case 5:
        if (here && path.size() > 1) return up_ + path.substr(1);
        break;
      case 6:
        return " " + link + "\n ";
      case 7:
        return link.substr(0, slash) + "&#47;" + encoded(path.substr(1));
      default:
        break;
    }
    return link;
  }

  static std::string upper_case(std::string text) {
    for (char& c : text) {
      if (c >= 'a' && c <= 'z') c = static_cast<char>(c - 'a' + 'A');
    }
    return text;
  }

  // The first letter in hexadecimal digits, which it does not need.
  static std::string encoded(const std::string& path) {
    if (path.empty() || path[0] < 'a' || path[0] > 'z') return path;
    const int letter = path[0];
    return std::string("%") + static_cast<char>('0' + letter / 16) +
           "0123456789abcdef"[letter % 16] + path.substr(1);
  }

  std::mt19937_64& random_;
  const std::string& url_;
  std::string origin_;
  std::string up_;  // from its folder to the top
};

}  // namespace simul::crawl
