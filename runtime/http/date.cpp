#include "runtime/http/date.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <chrono>
#include <cstdio>

namespace simul::http {
namespace {

using namespace std::chrono;

constexpr std::array<const char*, 7> kDays = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
constexpr std::array<const char*, 12> kMonths = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                                 "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
constexpr std::int64_t kLast = 253'402'300'799;  // the last second of 9999

struct Moment {
  year_month_day day;
  unsigned weekday;
  hh_mm_ss<seconds> time;

  explicit Moment(std::int64_t since_1970)
      : Moment(sys_seconds(seconds(std::clamp<std::int64_t>(since_1970, 0, kLast)))) {}
  explicit Moment(sys_seconds at)
      : day(floor<days>(at)),
        weekday(std::chrono::weekday(floor<days>(at)).c_encoding()),
        time(at - floor<days>(at)) {}

  unsigned month() const { return static_cast<unsigned>(day.month()) - 1; }
  unsigned date() const { return static_cast<unsigned>(day.day()); }
  int year() const { return static_cast<int>(day.year()); }
  int hour() const { return static_cast<int>(time.hours().count()); }
  int minute() const { return static_cast<int>(time.minutes().count()); }
  int second() const { return static_cast<int>(time.seconds().count()); }
};

// Takes a date apart from the front.
class Reader {
 public:
  explicit Reader(std::string_view text) : text_(text) {}

  Reader& skip(std::string_view expected) {
    good_ = good_ && text_.starts_with(expected);
    if (good_) text_.remove_prefix(expected.size());
    return *this;
  }
  // A number of exactly so many digits; a space may stand for the first where asctime has one.
  Reader& number(int& out, std::size_t digits, bool may_be_padded = false) {
    if (may_be_padded && text_.starts_with(' ')) {
      text_.remove_prefix(1);
      --digits;
    }
    const std::string_view part = text_.substr(0, digits);
    const char* const end = part.data() + part.size();
    good_ = good_ && part.size() == digits && part[0] != '-' &&
            std::from_chars(part.data(), end, out).ptr == end;
    if (good_) text_.remove_prefix(digits);
    return *this;
  }
  Reader& month(int& out) {
    const auto* const found = std::find(kMonths.begin(), kMonths.end(), text_.substr(0, 3));
    good_ = good_ && found != kMonths.end();
    out = static_cast<int>(found - kMonths.begin()) + 1;
    if (good_) text_.remove_prefix(3);
    return *this;
  }
  Reader& time(int& hour, int& minute, int& second) {
    return number(hour, 2).skip(":").number(minute, 2).skip(":").number(second, 2);
  }
  bool done() const { return good_ && text_.empty(); }

 private:
  std::string_view text_;
  bool good_ = true;
};

bool begins_with_day(std::string_view text) {
  return std::ranges::any_of(kDays, [&](const char* day) { return text.starts_with(day); });
}

}  // namespace

std::string format_date(std::int64_t seconds_since_1970) {
  const Moment at(seconds_since_1970);
  char text[40];
  const int size =
      std::snprintf(text, sizeof text, "%s, %02u %s %04d %02d:%02d:%02d GMT", kDays[at.weekday],
                    at.date(), kMonths[at.month()], at.year(), at.hour(), at.minute(), at.second());
  return {text, static_cast<std::size_t>(size)};
}

std::string log_date(std::int64_t seconds_since_1970) {
  const Moment at(seconds_since_1970);
  char text[40];
  const int size =
      std::snprintf(text, sizeof text, "%02u/%s/%04d:%02d:%02d:%02d +0000", at.date(),
                    kMonths[at.month()], at.year(), at.hour(), at.minute(), at.second());
  return {text, static_cast<std::size_t>(size)};
}

std::optional<std::int64_t> parse_date(std::string_view text, int now_year) {
  int date = 0, month = 0, year_number = 0, hour = 0, minute = 0, second = 0;
  bool good = false;
  const std::size_t comma = text.find(',');
  if (!begins_with_day(text)) return std::nullopt;
  if (comma == 3) {  // Sun, 06 Nov 1994 08:49:37 GMT
    good = Reader(text.substr(3))
               .skip(", ")
               .number(date, 2)
               .skip(" ")
               .month(month)
               .skip(" ")
               .number(year_number, 4)
               .skip(" ")
               .time(hour, minute, second)
               .skip(" GMT")
               .done();
  } else if (comma != text.npos) {  // Sunday, 06-Nov-94 08:49:37 GMT
    good = Reader(text.substr(comma))
               .skip(", ")
               .number(date, 2)
               .skip("-")
               .month(month)
               .skip("-")
               .number(year_number, 2)
               .skip(" ")
               .time(hour, minute, second)
               .skip(" GMT")
               .done();
    year_number += now_year / 100 * 100;
    if (year_number > now_year + 50) year_number -= 100;
  } else {  // Sun Nov  6 08:49:37 1994
    good = Reader(text.substr(3))
               .skip(" ")
               .month(month)
               .skip(" ")
               .number(date, 2, /*may_be_padded=*/true)
               .skip(" ")
               .time(hour, minute, second)
               .skip(" ")
               .number(year_number, 4)
               .done();
  }
  const year_month_day day{year(year_number), std::chrono::month(static_cast<unsigned>(month)),
                           std::chrono::day(static_cast<unsigned>(date))};
  // 60 is a leap second.
  if (!good || !day.ok() || hour > 23 || minute > 59 || second > 60) return std::nullopt;
  const auto at = sys_days(day) + hours(hour) + minutes(minute) + seconds(second);
  return at.time_since_epoch().count();
}

}  // namespace simul::http
