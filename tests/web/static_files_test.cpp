// Files of a folder over HTTP: what a client gets, in part or anew, and that it gets nothing else.
// With them the small machines that they need: dates, ranges, conditions, and the way to a file.
#include "runtime/web/static_files.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <string>
#include <vector>

#include "runtime/http/byte_range.hpp"
#include "runtime/http/conditional.hpp"
#include "runtime/http/date.hpp"
#include "runtime/http/percent.hpp"
#include "runtime/web/media_type.hpp"
#include "runtime/web/open_beneath.hpp"
#include "tests/support/temp_dir.hpp"
#include "tests/web/server_fixture.hpp"

namespace simul::web {
namespace {

constexpr std::int64_t kModified = 784111777;  // Sun, 06 Nov 1994 08:49:37 GMT

class StaticFilesTest : public ServerFixture {
 public:
  StaticFilesTest() {
    large.resize(1'000'000);
    for (std::size_t i = 0; i < large.size(); ++i) large[i] = static_cast<char>(i * 7 + i / 251);
    const auto page = folder.write("root/index.html", "<p>index\n");
    folder.write("root/sub/index.html", "<p>sub\n");
    folder.write("root/empty/no-index.txt", "text");
    folder.write("root/ten.txt", "0123456789");
    folder.write("root/none.txt", "");
    folder.write("root/a name.txt", "spaced");
    folder.write("root/large.bin", large);
    folder.write("secret.txt", "secret");
    folder.write("root-too/secret.txt", "secret");
    const std::string root = (folder / "root").string();
    ::symlink("../secret.txt", (root + "/out").c_str());
    ::symlink((folder / "secret.txt").c_str(), (root + "/absolute").c_str());
    ::symlink("..", (root + "/up").c_str());
    ::symlink("ten.txt", (root + "/inside").c_str());
    ::mkfifo((root + "/pipe").c_str(), 0600);
    const timespec times[2] = {{kModified, 0}, {kModified, 0}};
    ::utimensat(AT_FDCWD, (root + "/ten.txt").c_str(), times, 0);
    router.get("/{path...}", StaticFiles(root));
    router.get("/files/{path...}", StaticFiles(root));
  }

  // The answer to GET, with these fields.
  Task<std::string> fetch(std::string path, std::string fields = "", std::string method = "GET") {
    const std::string request =
        method + " " + path + " HTTP/1.1\r\nHost: a\r\n" + fields + "Connection: close\r\n\r\n";
    co_return co_await ask(request);
  }

  static std::string status(const std::string& answer) { return answer.substr(9, 3); }
  static std::string field(const std::string& answer, const std::string& name) {
    const auto at = answer.find("\r\n" + name + ": ");
    if (at == std::string::npos || at > answer.find("\r\n\r\n")) return "(none)";
    const auto from = at + name.size() + 4;
    return answer.substr(from, answer.find("\r\n", from) - from);
  }

  simul::testing::TempDir folder;
  std::string large;
};

TEST_F(StaticFilesTest, AFileComesWithTypeLengthDateAndTag) {
  with_server([&]() -> Task<> {
    const std::string page = co_await fetch("/");
    EXPECT_EQ(status(page), "200");
    EXPECT_EQ(body_of(page), "<p>index\n");
    EXPECT_EQ(field(page, "Content-Type"), "text/html; charset=utf-8");
    const std::string ten = co_await fetch("/ten.txt");
    EXPECT_EQ(body_of(ten), "0123456789");
    EXPECT_EQ(field(ten, "Content-Length"), "10");
    EXPECT_EQ(field(ten, "Last-Modified"), "Sun, 06 Nov 1994 08:49:37 GMT");
    EXPECT_EQ(field(ten, "ETag"), "\"a-2ebc98a100000000\"");
    EXPECT_EQ(field(ten, "Accept-Ranges"), "bytes");
    EXPECT_EQ(body_of(co_await fetch("/none.txt")), "");
    EXPECT_EQ(body_of(co_await fetch("/files/a%20name.txt?query")), "spaced");
    EXPECT_EQ(body_of(co_await fetch("/inside")), "0123456789") << "a link that stays inside";
    EXPECT_TRUE(body_of(co_await fetch("/large.bin")) == large);
    const std::string head = co_await fetch("/large.bin", "", "HEAD");
    EXPECT_EQ(field(head, "Content-Length"), "1000000");
    EXPECT_EQ(body_of(head), "");
  });
}

TEST_F(StaticFilesTest, AFolderIsItsIndexUnderTheNameWithASlash) {
  with_server([&]() -> Task<> {
    EXPECT_EQ(body_of(co_await fetch("/sub/")), "<p>sub\n");
    const std::string moved = co_await fetch("/files/sub?a=b");
    EXPECT_EQ(status(moved), "301");
    EXPECT_EQ(field(moved, "Location"), "/files/sub/?a=b");
    for (const char* path : {"/empty/", "/empty", "/ten.txt/", "/none"}) {
      EXPECT_EQ(status(co_await fetch(path)), "404") << path;
    }
  });
}

TEST_F(StaticFilesTest, ThereIsNoWayOutOfTheFolder) {
  with_server([&]() -> Task<> {
    const std::string absolute = (folder / "secret.txt").string();
    for (const std::string& path : std::vector<std::string>{"/../secret.txt",
                                                            "/sub/../../secret.txt",
                                                            "/%2e%2e/secret.txt",
                                                            "/%2E%2E%2Fsecret.txt",
                                                            "/..%2fsecret.txt",
                                                            "/%252e%252e/secret.txt",
                                                            "/sub/..%2f..%2fsecret.txt",
                                                            "/../root-too/secret.txt",
                                                            "/" + absolute,
                                                            "/%2F" + absolute.substr(1),
                                                            "/files/" + absolute,
                                                            "/out",
                                                            "/absolute",
                                                            "/up/secret.txt",
                                                            "/up/root/ten.txt",
                                                            "/pipe",
                                                            "/ten.txt%00.html",
                                                            "/%00",
                                                            "/..\\secret.txt",
                                                            "/../../../../../etc/passwd",
                                                            "/....//secret.txt",
                                                            "/.../secret.txt",
                                                            "/" + std::string(5000, 'x')}) {
      const std::string answer = co_await fetch(path);
      EXPECT_EQ(status(answer), "404") << path;
      EXPECT_EQ(answer.find("secret\r"), std::string::npos) << path;
      EXPECT_FALSE(body_of(answer).starts_with("secret")) << path;
    }
  });
}

TEST_F(StaticFilesTest, GivesOneRangeAndTheWholeForSeveral) {
  with_server([&]() -> Task<> {
    const std::vector<std::vector<std::string>> table = {
        {"bytes=0-3", "206", "bytes 0-3/10", "0123"},
        {"bytes=7-", "206", "bytes 7-9/10", "789"},
        {"bytes=-2", "206", "bytes 8-9/10", "89"},
        {"bytes=-100", "206", "bytes 0-9/10", "0123456789"},
        {"bytes=5-100", "206", "bytes 5-9/10", "56789"},
        {"bytes=10-", "416", "bytes */10", "the file has 10 bytes\n"},
        {"bytes=-0", "416", "bytes */10", "the file has 10 bytes\n"},
        {"bytes=0-1,3-4", "200", "(none)", "0123456789"},
        {"bytes=3-1", "200", "(none)", "0123456789"},
        {"lines=0-1", "200", "(none)", "0123456789"},
        {"bytes=a-b", "200", "(none)", "0123456789"},
        {"bytes=0-99999999999999999999", "206", "bytes 0-9/10", "0123456789"},
    };
    for (const auto& row : table) {
      const std::string fields = "Range: " + row[0] + "\r\n";
      const std::string answer = co_await fetch("/ten.txt", fields);
      EXPECT_EQ(status(answer), row[1]) << row[0];
      EXPECT_EQ(field(answer, "Content-Range"), row[2]) << row[0];
      EXPECT_EQ(body_of(answer), row[3]) << row[0];
    }
    const std::string part = co_await fetch("/large.bin", "Range: bytes=100000-899999\r\n");
    EXPECT_TRUE(body_of(part) == large.substr(100'000, 800'000));
    const std::string head = co_await fetch("/ten.txt", "Range: bytes=0-3\r\n", "HEAD");
    EXPECT_EQ(status(head), "200") << "a range is GET's alone";
  });
}

TEST_F(StaticFilesTest, AsksItsValidatorsBeforeItSendsAnything) {
  with_server([&]() -> Task<> {
    const std::string tag = "\"a-2ebc98a100000000\"";
    const std::string same = "Sun, 06 Nov 1994 08:49:37 GMT";
    const std::string before = "Sun, 06 Nov 1994 08:49:36 GMT";
    const std::vector<std::pair<std::string, std::string>> table = {
        {"If-None-Match: " + tag, "304"},
        {"If-None-Match: W/" + tag, "304"},
        {"If-None-Match: \"x\", " + tag, "304"},
        {"If-None-Match: *", "304"},
        {"If-None-Match: \"x\"", "200"},
        {"If-None-Match: \"x\"\r\nIf-Modified-Since: " + same, "200"},
        {"If-Modified-Since: " + same, "304"},
        {"If-Modified-Since: Sunday, 06-Nov-94 08:49:37 GMT", "304"},
        {"If-Modified-Since: " + before, "200"},
        {"If-Modified-Since: yesterday", "200"},
        {"If-Match: " + tag, "200"},
        {"If-Match: \"x\"", "412"},
        {"If-Match: W/" + tag, "412"},
        {"If-Unmodified-Since: " + same, "200"},
        {"If-Unmodified-Since: " + before, "412"},
        {"Range: bytes=0-1\r\nIf-Range: " + tag, "206"},
        {"Range: bytes=0-1\r\nIf-Range: \"x\"", "200"},
        {"Range: bytes=0-1\r\nIf-Range: W/" + tag, "200"},
        {"Range: bytes=0-1\r\nIf-Range: " + same, "206"},
        {"Range: bytes=0-1\r\nIf-Range: " + before, "200"},
    };
    for (const auto& [fields, expected] : table) {
      const std::string lines = fields + "\r\n";
      const std::string answer = co_await fetch("/ten.txt", lines);
      EXPECT_EQ(status(answer), expected) << fields;
      if (expected == "304") {
        EXPECT_EQ(field(answer, "ETag"), tag);
        EXPECT_EQ(body_of(answer), "");
      }
    }
  });
}

TEST_F(StaticFilesTest, AFileThatBecomesShorterIsCutAndNotFilledUp) {
  with_server([&]() -> Task<> {
    folder.write("root/shrinks.bin", std::string(20'000'000, 'x'));
    Talk talk(server->address());
    co_await talk.send(get("/shrinks.bin"));
    co_await talk.head();
    EXPECT_EQ(::truncate((folder / "root/shrinks.bin").c_str(), 1000), 0);
    const std::string rest = co_await talk.receive();
    EXPECT_TRUE(rest.ends_with("(reset)")) << rest.size();
    EXPECT_EQ(reported.size(), 1u);
  });
}

TEST(StaticFiles, AFolderThatIsNotThereIsAnErrorAtOnce) {
  try {
    StaticFiles("/no/such/folder");
    FAIL();
  } catch (const std::system_error& error) {
    EXPECT_STREQ(error.what(), "open /no/such/folder: No such file or directory");
  }
}

// --- The way to a file --------------------------------------------------------------------------

TEST(OpenBeneath, BothWaysStayBeneath) {
  const simul::testing::TempDir folder;
  folder.write("root/a/b.txt", "b");
  folder.write("out.txt", "out");
  const std::string root = (folder / "root").string();
  ::symlink("../out.txt", (root + "/link").c_str());
  ::symlink("..", (root + "/up").c_str());
  const UniqueFd fd(::open(root.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  for (const char* path : {"../out.txt", "a/../../out.txt", "link", "up/out.txt", "/etc/passwd",
                           "/", "", "a/b.txt/", "a/b.txt/c", "none"}) {
    EXPECT_FALSE(open_beneath(fd.get(), path, MayWait::yes).file) << path;
    EXPECT_FALSE(open_beneath_by_walking(fd.get(), path).file) << path;
  }
  const std::string nul("a/b.txt\0x", 9);
  EXPECT_EQ(open_beneath(fd.get(), nul, MayWait::yes).error, ENOENT);
  EXPECT_EQ(open_beneath_by_walking(fd.get(), nul).error, ENOENT);
  for (const char* path : {"a/b.txt", "./a/./b.txt", "a//b.txt"}) {
    EXPECT_TRUE(open_beneath(fd.get(), path, MayWait::yes).file) << path;
    EXPECT_TRUE(open_beneath_by_walking(fd.get(), path).file) << path;
  }
}

// --- Dates, ranges, types -----------------------------------------------------------------------

TEST(HttpDate, ReadsThreeFormsAndWritesOne) {
  EXPECT_EQ(http::format_date(kModified), "Sun, 06 Nov 1994 08:49:37 GMT");
  EXPECT_EQ(http::format_date(0), "Thu, 01 Jan 1970 00:00:00 GMT");
  EXPECT_EQ(http::format_date(951782400), "Tue, 29 Feb 2000 00:00:00 GMT");
  for (const char* text : {"Sun, 06 Nov 1994 08:49:37 GMT", "Sunday, 06-Nov-94 08:49:37 GMT",
                           "Sun Nov  6 08:49:37 1994"}) {
    EXPECT_EQ(http::parse_date(text), kModified) << text;
  }
  for (const char* text : {"", "Sun", "Sun, 06 Nov 1994 08:49:37", "Sun, 31 Feb 1994 08:49:37 GMT",
                           "Sun, 06 Nov 1994 24:49:37 GMT", "Sun, 6 Nov 1994 08:49:37 GMT",
                           "Sun, 06 Nob 1994 08:49:37 GMT", "Sun, 06 Nov 1994 08:49:37 GMT ",
                           "Sun, 06 Nov -994 08:49:37 GMT", "Sun,"}) {
    EXPECT_EQ(http::parse_date(text), std::nullopt) << text;
  }
}

TEST(PercentDecode, DecodesOnceOrNotAtAll) {
  EXPECT_EQ(http::percent_decode("a%20b%2Fc%2f+"), "a b/c/+");
  EXPECT_EQ(http::percent_decode("%2525"), "%25");
  EXPECT_EQ(http::percent_decode("%00")->size(), 1u);
  for (const char* text : {"%", "%2", "%zz", "a%2", "%-1", "%+1", "% 1"}) {
    EXPECT_EQ(http::percent_decode(text), std::nullopt) << text;
  }
}

TEST(MediaType, GoesByTheEndingOfTheName) {
  EXPECT_EQ(media_type("a/b.HTML"), "text/html; charset=utf-8");
  EXPECT_EQ(media_type("x.tar.gz"), "application/gzip");
  EXPECT_EQ(media_type("a.css/plain"), "application/octet-stream");
  EXPECT_EQ(media_type("html"), "application/octet-stream");
  EXPECT_EQ(media_type("font.woff2"), "font/woff2");
}

}  // namespace
}  // namespace simul::web
