// A crawler from nothing: a frontier, a few workers, and how they know that it is over.
//
// The web is eleven pages that link to each other in circles, and fetching one is a wait of a
// second or more on a clock that jumps. Each worker takes an address off the frontier, waits for
// the page, and adds the links that nobody has seen yet. The number of workers is the bound on what
// is under way.
//
// The frontier being empty does not mean that it is over: whoever is under way may come back with
// new links. It is over when it is empty and nobody is under way. A worker that finds it empty
// before waits, and is woken by whoever changes that.
#include <coroutine>
#include <cstdio>
#include <deque>
#include <exception>
#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

struct Page {
  int seconds;
  std::vector<std::string> links;
};

const std::map<std::string, Page> kWeb = {
    {"/", {1, {"/games", "/players", "/clubs", "/"}}},
    {"/games", {2, {"/games/1", "/games/2", "/games/3", "/players"}}},
    {"/games/1", {1, {"/games/2", "/players/fischer"}}},
    {"/games/2", {5, {"/games/3", "/players/spassky"}}},
    {"/games/3", {1, {"/games/1"}}},
    {"/players", {1, {"/players/fischer", "/players/spassky", "/"}}},
    {"/players/fischer", {2, {"/games/1"}}},
    {"/players/spassky", {2, {"/games/1", "/clubs/rooks"}}},
    {"/clubs", {3, {"/clubs/rooks", "/"}}},
    {"/clubs/rooks", {1, {"/clubs/rooks/old"}}},
    {"/clubs/rooks/old", {1, {"/"}}},
};

// --- Time: who wakes when ------------------------------------------------------------------------

int now = 0;
std::multimap<int, std::coroutine_handle<>> sleepers;

struct Sleep {
  int seconds;
  bool await_ready() const { return false; }
  void await_suspend(std::coroutine_handle<> who) const { sleepers.emplace(now + seconds, who); }
  void await_resume() const {}
};

void run_until_nobody_sleeps() {
  while (!sleepers.empty()) {
    const auto first = sleepers.begin();
    const std::coroutine_handle<> who = first->second;
    now = first->first;
    sleepers.erase(first);
    who.resume();
  }
}

// --- The frontier --------------------------------------------------------------------------------

struct Frontier {
  std::deque<std::string> queue;
  std::set<std::string> seen;  // ever: in the queue, under way, or done
  int under_way = 0;
  std::vector<std::coroutine_handle<>> waiting;

  void add(const std::string& url) {
    if (!seen.insert(url).second) return;  // what breaks every circle
    queue.push_back(url);
  }

  // An address is done, and its links were added. Everybody who waits looks again.
  void done() {
    --under_way;
    for (const std::coroutine_handle<> who : std::exchange(waiting, {})) who.resume();
  }

  bool over() const { return queue.empty() && under_way == 0; }

  struct Change {
    Frontier& frontier;
    bool await_ready() const { return false; }
    void await_suspend(std::coroutine_handle<> who) const { frontier.waiting.push_back(who); }
    void await_resume() const {}
  };
  Change change() { return {*this}; }
};

// --- The workers ---------------------------------------------------------------------------------

struct Worker {  // a coroutine that runs by itself and is gone when it returns
  struct promise_type {
    Worker get_return_object() { return {}; }
    std::suspend_never initial_suspend() { return {}; }
    std::suspend_never final_suspend() noexcept { return {}; }
    void return_void() {}
    void unhandled_exception() { std::terminate(); }
  };
};

Worker work(Frontier& frontier, std::string name, bool tell) {
  for (;;) {
    while (frontier.queue.empty()) {
      if (frontier.over()) co_return;
      co_await frontier.change();
    }
    const std::string url = frontier.queue.front();
    frontier.queue.pop_front();
    ++frontier.under_way;
    const int start = now;
    const Page& page = kWeb.at(url);
    co_await Sleep{page.seconds};  // the fetch
    for (const std::string& link : page.links) frontier.add(link);
    if (tell) std::printf("%2d to %2d s  %s  %s\n", start, now, name.c_str(), url.c_str());
    frontier.done();
  }
}

int crawl(int workers, bool tell) {
  now = 0;
  Frontier frontier;
  frontier.add("/");
  for (int i = 0; i < workers; ++i)
    work(frontier, std::string(1, static_cast<char>('A' + i)), tell);
  run_until_nobody_sleeps();
  if (tell) std::printf("\n");
  std::printf("%2d at once: %zu pages in %2d s\n", workers, frontier.seen.size(), now);
  return now;
}

int main() {
  crawl(3, true);
  for (const int workers : {1, 2, 5, 10}) crawl(workers, false);
}
