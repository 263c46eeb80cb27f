// Headless Chromium, driven by the DevTools protocol over our own WebSocket client.
//
//     Browser browser;                                    // starts it
//     auto main = [&]() -> Task<> {
//       co_await browser.connect();
//       Browser::Page& page = co_await browser.open(url);
//       co_await page.until("document.title == 'done'");  // waits in the page, not here
//       co_await page.press("Enter");
//       co_await browser.disconnect();
//     };
//     run(main());
//
// A page sees real key events, so what works here works from a keyboard. What its console complains
// of, errors that nobody caught among it, is in `complaints`; that the network failed, which some
// tests bring about, is not. Thread: the reactor's that `connect` is called on.
// (https://chromedevtools.github.io/devtools-protocol)
#pragma once

#include <poll.h>
#include <unistd.h>

#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <list>
#include <map>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "runtime/base/base64.hpp"
#include "runtime/json/json.hpp"
#include "runtime/sync/event.hpp"
#include "runtime/task/create_task.hpp"
#include "runtime/task/gather.hpp"
#include "runtime/task/task.hpp"
#include "runtime/task/timeout.hpp"
#include "runtime/web/websocket.hpp"
#include "tests/support/child.hpp"
#include "tests/support/temp_dir.hpp"

namespace simul::testing {

class Browser {
 public:
  class Page;

  /// Is there one that can be started?
  static bool is_installed() {
    static const bool installed = [] {
      try {
        return run_program({"chromium", "--version"}).status == 0;
      } catch (const std::exception&) {
        return false;
      }
    }();
    return installed;
  }

  Browser() : child_(command(profile_), {"HOME=" + profile_.path().string()}) {
    // On stderr, among other things: "DevTools listening on ws://127.0.0.1:PORT/devtools/..."
    const std::string announcement = "DevTools listening on ";
    std::string said;
    while (url_.empty()) {
      pollfd ready{child_.err.get(), POLLIN, 0};
      char byte = 0;
      if (::poll(&ready, 1, 60'000) <= 0 || ::read(child_.err.get(), &byte, 1) != 1)
        throw std::runtime_error("chromium does not start: " + said);
      said += byte;
      if (const auto at = said.find(announcement); byte == '\n' && at != said.npos) {
        url_ = said.substr(at + announcement.size());
        url_.pop_back();
      }
    }
  }

  Task<> connect() {
    web::WebSocketCall call;
    call.options.limits.message = 64 * 1024 * 1024;
    call.options.ping_interval = Duration::zero();
    socket_.emplace(co_await web::connect_websocket(url_, call));
    listening_.emplace(create_task(listen(), "the browser's answers"));
  }

  /// Closes the windows and the connection. Another test may connect again.
  Task<> disconnect();

  /// A new window of that size, in which the page has been loaded.
  Task<Page*> open(std::string url, int width = 900, int height = 700);

  /// A command, and its result. Throws std::runtime_error if it fails, and TimedOut.
  Task<json::Value> call(std::string method, json::Object params, std::string session = {}) {
    const int id = ++last_id_;
    json::Object message{{"id", id}, {"method", method}, {"params", std::move(params)}};
    if (!session.empty()) message.set("sessionId", session);
    Call pending(calls_[id]);
    co_await socket_->send_text(json::write(message));
    auto wait = [&]() -> Task<> { co_await pending.done.wait(); };
    co_await timeout(std::chrono::seconds(60), wait);
    if (const json::Value* error = pending.answer.find("error"))
      throw std::runtime_error(method + ": " + json::write(*error));
    co_return std::move(pending.answer["result"]);
  }

 private:
  // While it lives, its answer has somewhere to go.
  struct Call {
    explicit Call(Call*& the_place) : place(the_place) { place = this; }
    ~Call() { place = nullptr; }
    Call(const Call&) = delete;
    Call& operator=(const Call&) = delete;
    Call*& place;
    Event done;
    json::Value answer;
  };

  static std::vector<std::string> command(const TempDir& profile) {
    return {"chromium",
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            "--disable-quic",
            "--no-first-run",
            "--disable-background-networking",
            "--disable-component-update",
            "--disable-sync",
            "--disable-dev-shm-usage",
            "--hide-scrollbars",
            "--remote-debugging-port=0",
            "--user-data-dir=" + profile.path().string(),
            "about:blank"};
  }

  Task<> listen();
  void on_event(const json::Value& message);

  TempDir profile_;
  Child child_;
  std::string url_;
  std::optional<web::WebSocket> socket_;
  std::optional<TaskHandle<>> listening_;
  int last_id_ = 0;
  std::map<int, Call*> calls_;
  std::list<Page> pages_;
};

class Browser::Page {
 public:
  Page(Browser& browser, std::string target, std::string session)
      : browser_(browser), target_(std::move(target)), session_(std::move(session)) {}

  Task<json::Value> call(std::string method, json::Object params = {}) {
    return browser_.call(std::move(method), std::move(params), session_);
  }

  /// The value of an expression of JavaScript, or of what it promises.
  Task<json::Value> eval(std::string expression) {
    json::Object params{
        {"expression", expression}, {"awaitPromise", true}, {"returnByValue", true}};
    json::Value result = co_await call("Runtime.evaluate", std::move(params));
    if (const json::Value* thrown = result.find("exceptionDetails"))
      throw std::runtime_error(expression + ": " + json::write(*thrown));
    json::Value* value = const_cast<json::Value*>(result["result"].find("value"));
    co_return value != nullptr ? std::move(*value) : json::Value();
  }

  /// The text of the first element that fits the selector.
  Task<std::string> text_of(std::string selector) {
    const json::Value text =
        co_await eval("document.querySelector(" + json::write(selector) + ").innerText");
    co_return text.as_string();
  }

  /// Waits until the condition holds; throws std::runtime_error if it does not within 20 s.
  Task<> until(std::string condition) {
    co_await eval(R"(new Promise((yes, no) => {
      const end = Date.now() + 20000;
      (function look() {
        if ()" + condition +
                  R"() yes(true);
        else if (Date.now() > end) no(document.body.innerText);
        else setTimeout(look, 10);
      })();
    }))");
  }

  /// A key and its modifiers: "Enter", "Tab", "Shift+Enter", "a".
  Task<> press(std::string key) { co_await press_all(std::vector<std::string>(1, key)); }

  /// Types ASCII letters, one key after the other.
  Task<> type(std::string text) {
    std::vector<std::string> keys;
    for (const char letter : text) keys.emplace_back(1, letter);
    co_await press_all(std::move(keys));
  }

  /// Writes what the page looks like to `name` in the folder that SIMUL_SCREENSHOTS names, if it
  /// names one.
  Task<> screenshot(std::string name) {
    const char* folder = std::getenv("SIMUL_SCREENSHOTS");
    if (folder == nullptr) co_return;
    json::Object params{{"format", "png"}};
    const json::Value picture = co_await call("Page.captureScreenshot", std::move(params));
    std::filesystem::create_directories(folder);
    std::ofstream(std::filesystem::path(folder) / name, std::ios::binary)
        << base64_decode(picture["data"].as_string()).value();
  }

  /// How large the window is, and whether it is a dark one.
  Task<> look(int width, int height, bool dark) {
    json::Object size{
        {"width", width}, {"height", height}, {"deviceScaleFactor", 1}, {"mobile", false}};
    co_await call("Emulation.setDeviceMetricsOverride", std::move(size));
    json::Object scheme{{"name", "prefers-color-scheme"}, {"value", dark ? "dark" : "light"}};
    json::Object media{{"features", json::Array(1, json::Value(std::move(scheme)))}};
    co_await call("Emulation.setEmulatedMedia", std::move(media));
  }

  std::vector<std::string> complaints;

 private:
  friend class Browser;

  // They are pressed in this order; that each was is heard in the end, all together.
  Task<> press_all(std::vector<std::string> keys) {
    std::vector<Task<json::Value>> calls;
    for (const std::string& key : keys) {
      json::Object down = event_of(key);
      json::Object up = down;
      up.set("type", "keyUp");
      up.remove("text");
      calls.push_back(call("Input.dispatchKeyEvent", std::move(down)));
      calls.push_back(call("Input.dispatchKeyEvent", std::move(up)));
    }
    co_await gather(std::move(calls));
  }

  static json::Object event_of(std::string key) {
    struct Named {
      int code;
      const char* text;
    };
    static const std::map<std::string, Named> kNamed{
        {"Enter", {13, "\r"}},   {"Tab", {9, ""}},         {"Space", {32, " "}},
        {"ArrowDown", {40, ""}}, {"ArrowRight", {39, ""}}, {"ArrowUp", {38, ""}},
        {"Backspace", {8, ""}},  {"ArrowLeft", {37, ""}}};
    int modifiers = 0;
    if (key.starts_with("Shift+")) {
      modifiers = 8;
      key.erase(0, 6);
    }
    json::Object down{{"type", "keyDown"}, {"modifiers", modifiers}};
    if (const auto named = kNamed.find(key); named != kNamed.end()) {
      down.set("key", key == "Space" ? " " : key);
      down.set("code", key);
      down.set("windowsVirtualKeyCode", named->second.code);
      if (*named->second.text != 0) down.set("text", named->second.text);
    } else {
      down.set("key", key);
      down.set("text", key);
    }
    return down;
  }

  Browser& browser_;
  std::string target_;
  std::string session_;
};

inline Task<Browser::Page*> Browser::open(std::string url, int width, int height) {
  json::Object blank{{"url", "about:blank"}, {"newWindow", true}};
  const json::Value target = co_await call("Target.createTarget", std::move(blank));
  json::Object which{{"targetId", target["targetId"].as_string()}, {"flatten", true}};
  const json::Value attached = co_await call("Target.attachToTarget", std::move(which));
  Page& page =
      pages_.emplace_back(*this, target["targetId"].as_string(), attached["sessionId"].as_string());
  for (const char* domain : {"Runtime.enable", "Log.enable", "Page.enable", "Network.enable"})
    co_await page.call(domain);
  json::Object on{{"enabled", true}};  // each window may have the focus, so each has a keyboard
  co_await page.call("Emulation.setFocusEmulationEnabled", std::move(on));
  co_await page.look(width, height, false);
  json::Object where{{"url", url}};
  co_await page.call("Page.navigate", std::move(where));
  // The first to be asked may still be the page that was there before, which then goes away.
  for (int tries = 0;; ++tries) {
    try {
      co_await page.until("location.href !== 'about:blank' && document.readyState === 'complete'");
      break;
    } catch (const std::runtime_error&) {
      if (tries == 5) throw;
    }
  }
  co_return &page;
}

inline Task<> Browser::disconnect() {
  for (Page& page : pages_) {
    json::Object which{{"targetId", page.target_}};
    co_await call("Target.closeTarget", std::move(which));
  }
  co_await socket_->close();
  co_await *listening_;
  pages_.clear();
  listening_.reset();
  socket_.reset();
}

inline Task<> Browser::listen() {
  try {
    while (auto message = co_await socket_->receive()) {
      json::Value value = json::parse(message->data);
      if (const json::Value* id = value.find("id")) {
        const auto call = calls_.find(static_cast<int>(id->as_int()));
        if (call == calls_.end() || call->second == nullptr) continue;
        call->second->answer = std::move(value);
        call->second->done.set();
      } else {
        on_event(value);
      }
    }
  } catch (const web::WebSocketClosed&) {  // it has gone, and so it was to
  }
}

inline void Browser::on_event(const json::Value& message) {
  const json::Value* session = message.find("sessionId");
  if (session == nullptr) return;
  const std::string& method = message["method"].as_string();
  const json::Value& params = message["params"];
  bool bad = method == "Runtime.exceptionThrown";
  if (method == "Runtime.consoleAPICalled") {
    const std::string& kind = params["type"].as_string();
    bad = kind == "error" || kind == "warning" || kind == "assert";
  } else if (method == "Log.entryAdded") {
    const json::Value& entry = params["entry"];
    bad = entry["level"].as_string() == "error" && entry["source"].as_string() != "network";
  }
  if (!bad) return;
  for (Page& page : pages_) {
    if (page.session_ == session->as_string()) page.complaints.push_back(json::write(params));
  }
}

}  // namespace simul::testing
