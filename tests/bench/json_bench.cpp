// What JSON costs, in GB/s of text, beside the floor: a bare scan of the same bytes.
//
// The scan adds the bytes up, so that each is looked at once and nothing is made of it. "listing"
// is a document of the shape that Reddit's top.json has: many members of every kind, long keys,
// short values. "numbers" are whole numbers and fractions in equal parts, "strings" English words
// with now and then an escape, "cyrillic" the same beyond ASCII.
#include <cstdint>
#include <random>
#include <string>
#include <string_view>

#include "runtime/json/json.hpp"
#include "tests/bench/bench.hpp"

namespace simul::bench {
namespace {

using json::Array;
using json::Object;
using json::Value;

/// Documents of one seed: the same at every run.
class Maker {
 public:
  Value listing(int posts) {
    Array children;
    for (int i = 0; i < posts; ++i) children.push_back(Object{{"kind", "t3"}, {"data", post()}});
    return Object{{"kind", "Listing"},
                  {"data", Object{{"modhash", ""},
                                  {"dist", posts},
                                  {"children", children},
                                  {"after", "t3_8xd3m2"},
                                  {"before", nullptr}}}};
  }

  Value numbers(int count) {
    Array all;
    for (int i = 0; i < count; ++i) {
      if (i % 2 == 0)
        all.push_back(below(1'000'000'000));
      else
        all.push_back(static_cast<double>(below(1'000'000'000)) / 1000);
    }
    return all;
  }

  /// Doubles with as many digits as they have.
  Value doubles(int count) {
    Array all;
    for (int i = 0; i < count; ++i)
      all.push_back(std::uniform_real_distribution<double>(-1, 1)(random_));
    return all;
  }

  Value strings(int count, bool cyrillic) {
    Array all;
    for (int i = 0; i < count; ++i) all.push_back(text(10 + below(30), cyrillic));
    return all;
  }

 private:
  int below(int bound) { return static_cast<int>(random_() % static_cast<unsigned>(bound)); }

  std::string word(bool cyrillic) {
    std::string letters;
    for (int left = 1 + below(9); left > 0; --left) {
      if (!cyrillic) {
        letters += static_cast<char>('a' + below(26));
      } else {
        letters += '\xD0';
        letters += static_cast<char>(0xB0 + below(16));
      }
    }
    return letters;
  }

  std::string text(int words, bool cyrillic = false) {
    std::string sentence = word(cyrillic);
    while (--words > 0) sentence += (below(20) == 0 ? " \"" : " ") + word(cyrillic);
    return sentence;
  }

  Value post() {
    Object members{{"approved_at_utc", nullptr},
                   {"subreddit", "programming"},
                   {"selftext", below(4) == 0 ? text(80) : ""},
                   {"author_fullname", "t2_" + word(false)},
                   {"saved", false},
                   {"gilded", 0},
                   {"clicked", false},
                   {"title", text(9)},
                   {"link_flair_richtext", Array{}},
                   {"subreddit_name_prefixed", "r/programming"},
                   {"hidden", false},
                   {"score", below(50'000)},
                   {"upvote_ratio", 0.93},
                   {"thumbnail_height", nullptr},
                   {"media_embed", Object{}},
                   {"created_utc", 1'531'260'000.0 + below(86'400)},
                   {"permalink", "/r/programming/comments/" + word(false) + "/" + word(false)},
                   {"url", "https://example.com/" + word(false) + "/" + word(false)},
                   {"num_comments", below(2'000)}};
    // The real ones have about a hundred members, most of them of no interest.
    for (const char* about :
         {"author", "link", "mod", "removal", "post", "secure", "report", "top"})
      for (const char* what :
           {"flair_type", "flair_text_color", "awarded_note", "hint_enabled", "is_crosspostable",
            "score_hidden", "reason", "template_id", "can_gild", "visited"})
        members.set(std::string(about) + "_" + what, below(2) == 0   ? Value(nullptr)
                                                     : below(3) == 0 ? Value("dark")
                                                                     : Value(false));
    return members;
  }

  std::mt19937 random_{1};
};

/// Gigabytes per second of `once()`, which reads or writes `bytes` bytes.
template <class Once>
double rate(std::size_t bytes, Once once) {
  const std::size_t rounds = 20'000'000 / bytes + 1;
  const double start = seconds_now();
  for (std::size_t i = 0; i < rounds; ++i) once();
  return static_cast<double>(rounds * bytes) / (seconds_now() - start) / 1e9;
}

void scan(std::string_view text) {
  std::uint64_t sum = 0;
  for (const char byte : text) sum += static_cast<unsigned char>(byte);
  keep(sum);
}

void measure(Bench& bench, const std::string& name, const Value& value) {
  const std::string text = json::write(value);
  const auto floor = [&] { return rate(text.size(), [&] { scan(text); }); };
  bench.compare(
      "json.parse." + name, "GB/s",
      [&] { return rate(text.size(), [&] { keep(json::parse(text)); }); }, floor);
  bench.compare(
      "json.write." + name, "GB/s",
      [&] { return rate(text.size(), [&] { keep(json::write(value)); }); }, floor);
}

}  // namespace
}  // namespace simul::bench

int main(int argc, char** argv) {
  using namespace simul::bench;  // NOLINT(google-build-using-namespace): a program of one file
  return run(argc, argv, [](Bench& bench) {
    Maker make;
    measure(bench, "listing", make.listing(100));
    measure(bench, "numbers", make.numbers(50'000));
    measure(bench, "doubles", make.doubles(20'000));
    measure(bench, "strings", make.strings(3'000, false));
    measure(bench, "cyrillic", make.strings(2'000, true));
  });
}
