// The chat page of lesson 20 in headless Chromium: two people who have nothing but a keyboard chat
// by each of the three ways, are cut off, and come back. And lesson 19's server, or what it is made
// of, before a browser that wants a page with all that belongs to it.
//
// SIMUL_SCREENSHOTS=folder: what the pages look like is written there.
#include <gtest/gtest.h>
#include <signal.h>
#include <unistd.h>

#include <filesystem>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "runtime/base/sanitizers.hpp"
#include "runtime/reactor/reactor.hpp"
#include "runtime/task/run.hpp"
#include "runtime/web/session.hpp"
#include "tests/support/browser.hpp"
#include "tests/support/lessons.hpp"
#include "tests/support/temp_dir.hpp"

namespace simul {
namespace {

using testing::Browser;
using testing::Child;
using testing::program;
using Page = Browser::Page;

// A server of ours as a program; its first line is its URL.
class Served {
 public:
  explicit Served(std::vector<std::string> command) : child_(command) {
    char byte = 0;
    while (::read(child_.out.get(), &byte, 1) == 1 && byte != '\n') url += byte;
    if (!url.ends_with('/')) url += '/';
  }
  std::string port() const {
    const std::string text = url.substr(0, url.size() - 1);
    return text.substr(text.rfind(':') + 1);
  }

  std::string url;

 private:
  Child child_;
};

class Lesson20Page : public ::testing::Test {
 public:
  // One for all tests, for it takes a second to start.
  static void SetUpTestSuite() {
#if !defined(SIMUL_ASAN) && !defined(SIMUL_TSAN)
    if (Browser::is_installed()) browser_.emplace();
#endif
  }
  static void TearDownTestSuite() {
    browser_.reset();
  }

  void SetUp() override {
#if defined(SIMUL_ASAN) || defined(SIMUL_TSAN)
    GTEST_SKIP() << "it is the page that is tested here, and no memory of ours";
#endif
    if (!browser_) GTEST_SKIP() << "chromium is not installed";
  }

  /// Runs `body(browser)`.
  template <class Body>
  void with_browser(Body body) {
    Reactor loop;
    auto main = [&]() -> Task<> {
      co_await browser_->connect();
      co_await body(*browser_);
      co_await browser_->disconnect();
    };
    run(main());
  }

  static std::vector<std::string> serve(const std::string& port) {
    return {program("20-push-server"), "--port", port};
  }

  static Task<Page*> open(Browser& browser, std::string url, std::string name) {
    Page* page = co_await browser.open(url);
    co_await page->until("document.querySelector('#state').className === 'online'");
    // From the text field back over the conversation and the choice to the name.
    for (int i = 0; i < 3; ++i) co_await page->press("Shift+Tab");
    co_await page->until("document.activeElement.id === 'name'");
    co_await page->eval("document.activeElement.select()");
    co_await page->type(name);
    for (int i = 0; i < 3; ++i) co_await page->press("Tab");
    co_await page->until("document.activeElement.id === 'text'");
    co_return page;
  }

  static Task<> say(Page& page, std::string text) {
    co_await page.type(text);
    co_await page.press("Enter");
  }

  static Task<> sees(Page& page, std::string text) {
    co_await page.until("document.querySelector('#list').innerText.includes(" + json::write(text) +
                        ")");
  }

  static Task<std::string> messages(Page& page) {
    const json::Value all = co_await page.eval(
        "[...document.querySelectorAll('#list .said')].map(e => e.innerText).join('|')");
    co_return all.as_string();
  }

  static Task<> go_by(Page& page, std::string way) {
    for (int i = 0; i < 2; ++i) co_await page.press("Shift+Tab");
    const std::string chosen = "document.activeElement.value === '" + way + "'";
    for (int i = 0; i < 3; ++i) {
      const json::Value there = co_await page.eval(chosen);
      if (there.as_bool()) break;
      co_await page.press("ArrowDown");
    }
    co_await page.until(chosen + " && document.activeElement.checked");
    co_await page.until("document.querySelector('#state').className === 'online'");
    for (int i = 0; i < 2; ++i) co_await page.press("Tab");
    co_await page.until("document.activeElement.id === 'text'");
  }

  static Task<> offline(Page& page, bool off) {
    json::Object how{
        {"offline", off}, {"latency", 0}, {"downloadThroughput", -1}, {"uploadThroughput", -1}};
    co_await page.call("Network.emulateNetworkConditions", std::move(how));
  }

  static void expect_no_complaints(const Page& page) {
    EXPECT_EQ(page.complaints, std::vector<std::string>());
  }

 private:
  static inline std::optional<Browser> browser_;
};

TEST_F(Lesson20Page, TwoChatByTheKeyboardAloneByEachOfTheThreeWays) {
  const Served server(serve("0"));
  with_browser([&](Browser& browser) -> Task<> {
    Page& ann = *co_await open(browser, server.url, "Ann");
    Page& ben = *co_await open(browser, server.url, "Ben");
    co_await say(ann, "Is anybody here?");
    co_await sees(ben, "Is anybody here?");
    co_await sees(ben, "Ann");
    co_await say(ben, "I am. By WebSocket, like you.");
    co_await sees(ann, "By WebSocket");
    std::string expected = "Is anybody here?|I am. By WebSocket, like you.";
    for (const auto& [by_ann, by_ben] : {std::pair{"events", "poll"}, {"poll", "websocket"}}) {
      co_await go_by(ann, by_ann);
      co_await go_by(ben, by_ben);
      const std::string one = std::string("Now I read by ") + by_ann + ".";
      co_await say(ann, one);
      co_await sees(ben, one);
      const std::string two = std::string("And I by ") + by_ben + ".";
      co_await say(ben, two);
      co_await sees(ann, two);
      expected += "|" + one + "|" + two;
    }
    co_await ann.look(760, 480, false);
    co_await ann.screenshot("page.png");
    // What a script posts is shown as it is, and is never a part of the page.
    web::Session session;
    const std::string sly = "<img src=x onerror=alert(1)><b>bold</b>";
    for (const std::string& text :
         {sly, std::string(R"({"name": {}, "text": "odd", "at": "never"})"),
          std::string(R"({"text": 7})")}) {
      web::CallOptions options;
      options.body = text;
      co_await session.post(server.url + "poll", options);
    }
    expected += "|" + sly + R"(|odd|{"text": 7})";
    for (Page* page : {&ann, &ben}) {
      co_await sees(*page, "\"text\": 7");
      EXPECT_EQ(co_await messages(*page), expected);
      const json::Value images = co_await page->eval("document.images.length");
      EXPECT_EQ(images.as_int(), 0);
      EXPECT_EQ(co_await page->text_of("#outbox"), "");
    }
    // A new line where one is wanted.
    co_await ann.type("two");
    co_await ann.press("Shift+Enter");
    co_await say(ann, "lines");
    co_await sees(ben, "two\nlines");

    co_await ann.look(900, 700, false);
    co_await ann.screenshot("light.png");
    co_await ann.look(900, 700, true);
    co_await ann.screenshot("dark.png");
    co_await ben.look(360, 640, false);
    co_await ben.screenshot("narrow.png");
    co_await ben.look(360, 640, true);
    co_await ben.screenshot("narrow-dark.png");
    const json::Value wide = co_await ben.eval(
        "document.documentElement.scrollWidth <= document.documentElement.clientWidth");
    EXPECT_TRUE(wide.as_bool()) << "nobody has to scroll sideways";
    expect_no_complaints(ann);
    expect_no_complaints(ben);
  });
}

TEST_F(Lesson20Page, WhoIsCutOffComesBackAndHasMissedNothing) {
  std::optional<Served> server(serve("0"));
  const std::string port = server->port();
  with_browser([&](Browser& browser) -> Task<> {
    Page& ann = *co_await open(browser, server->url, "Ann");
    Page& ben = *co_await open(browser, server->url, "Ben");
    const std::vector<std::string> ways = {"websocket", "events", "poll"};
    std::string expected;
    const auto both_have = [&](std::string text) -> Task<> {
      expected += (expected.empty() ? "" : "|") + text;
      co_await sees(ann, text);
      co_await sees(ben, text);
    };
    for (const std::string& way : ways) {
      co_await go_by(ann, way);
      // Ann's network is gone, and both go on talking.
      co_await offline(ann, true);
      co_await ann.until("document.querySelector('#state').className === 'lost'");
      const std::string missed = "Ann misses this by " + way + ".";
      co_await say(ben, missed);
      co_await sees(ben, missed);
      const std::string late = "I am gone by " + way + ".";
      co_await say(ann, late);
      co_await ann.until("document.querySelectorAll('#outbox li').length === 1");
      if (way == "websocket") co_await ann.screenshot("lost.png");
      co_await offline(ann, false);
      co_await both_have(missed);
      co_await both_have(late);

      // The server dies, and another one takes its place.
      server.reset();
      for (Page* page : {&ann, &ben})
        co_await page->until("document.querySelector('#state').className === 'lost'");
      const std::string into_the_void = "Is it only me by " + way + "?";
      co_await say(ann, into_the_void);
      server.emplace(serve(port));
      co_await both_have(into_the_void);
      const std::string again = "And on we go by " + way + ".";
      co_await say(ben, again);
      co_await both_have(again);
    }
    for (Page* page : {&ann, &ben}) {
      EXPECT_EQ(co_await messages(*page), expected);
      EXPECT_EQ(co_await page->text_of("#outbox"), "");
      co_await page->until("document.querySelectorAll('.notice').length === 3");
      expect_no_complaints(*page);
    }
  });
}

// A folder with a page, a stylesheet and a picture.
TEST_F(Lesson20Page, OrAnyOtherComesWithAllThatBelongsToItFromLesson19sServer) {
  if (!std::filesystem::exists(program("19-web-server.serve")))
    GTEST_SKIP() << "19-web-server.serve is not there";
  const testing::TempDir folder;
  folder.write("index.html",
               "<!doctype html><title>A page</title><link rel=stylesheet href=style.css>"
               "<link rel=icon href=data:,><p>Text<img src=picture.svg alt=''>");
  folder.write("style.css", "p { color: rgb(1, 2, 3) }");
  folder.write("picture.svg",
               "<svg xmlns='http://www.w3.org/2000/svg' width='30' height='20'></svg>");
  const Served server(
      {program("19-web-server.serve"), "--port", "0", "--root", folder.path().string()});
  with_browser([&](Browser& browser) -> Task<> {
    Page& page = *co_await browser.open(server.url);
    const json::Value colour =
        co_await page.eval("getComputedStyle(document.querySelector('p')).color");
    EXPECT_EQ(colour.as_string(), "rgb(1, 2, 3)");
    const json::Value width = co_await page.eval("document.images[0].naturalWidth");
    EXPECT_EQ(width.as_int(), 30);
    // The time it took to connect is 0 for all that came over a connection that was there already.
    const json::Value reused = co_await page.eval(R"((async () => {
      for (let i = 0; i < 5; ++i) await (await fetch("style.css", { cache: "no-store" })).text();
      return performance.getEntriesByType("resource")
        .filter(e => e.name.endsWith("style.css") && e.connectStart === e.connectEnd).length;
    })())");
    EXPECT_GE(reused.as_int(), 5) << "connections are kept";
    const json::Value missing =
        co_await page.eval("fetch('nowhere').then(answer => answer.status)");
    EXPECT_EQ(missing.as_int(), 404);
    EXPECT_EQ(page.complaints, std::vector<std::string>());
  });
}

}  // namespace
}  // namespace simul
