// A push server: messages go to everybody at once, by whichever way each of them listens.
//
//     $ build/lessons/20-push-server --port 8000
//     http://127.0.0.1:8000                          open it in two windows
//
// Without a port it plays a short chat with itself, on real sockets: Ann has a WebSocket, Ben reads
// server-sent events, Cid polls, Dan comes late, and Eve is connected and never reads.
//
// The parts are channel.hpp (the messages), push_server.hpp (the ways), chat_page.hpp (the page)
// and participants.hpp (the clients of the script).
#include <chrono>
#include <csignal>
#include <cstdint>
#include <cstdio>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "lessons/20-push-server/channel.hpp"
#include "lessons/20-push-server/participants.hpp"
#include "lessons/20-push-server/push_server.hpp"
#include "lessons/common/lesson.hpp"
#include "runtime/reactor/reactor.hpp"
#include "runtime/sync/event.hpp"
#include "runtime/task/create_task.hpp"
#include "runtime/task/run.hpp"
#include "runtime/task/task.hpp"
#include "runtime/web/server.hpp"
#include "runtime/web/session.hpp"
#include "runtime/web/websocket.hpp"

using namespace std::chrono_literals;
using namespace simul;

// --- The server ---------------------------------------------------------------------------------

struct Choices {
  int port = -1;
  push::Settings settings;
  push::History history;
  bool log = false;
};

// Another one each time that the program is started.
std::string new_name() {
  char name[16];
  std::snprintf(name, sizeof name, "%08x", static_cast<unsigned>(std::random_device()()));
  return name;
}

Task<> serve(const Choices& choices) {
  push::Channel channel(new_name(), choices.history);
  push::PushServer push(channel, choices.settings);
  web::ServerOptions options = push::server_options(static_cast<std::uint16_t>(choices.port));
  if (choices.log) options.access_log = web::log_to(stderr);
  web::Server server(push.routes(), std::move(options));

  Event told_to_end;
  Reactor& loop = Reactor::current();
  for (const int signal : {SIGINT, SIGTERM}) {
    loop.add_signal_handler(signal, [&] { told_to_end.set(); });
  }
  say(server.url());
  co_await told_to_end.wait();
  for (const int signal : {SIGINT, SIGTERM}) loop.remove_signal_handler(signal);
  channel.close();               // those who wait for news are answered
  co_await server.shutdown(5s);  // WebSockets are told 1001; who does not answer is cut off
}

// --- The script ---------------------------------------------------------------------------------

// What `who` hears next.
Task<> hears(std::string who, push::Lines& heard) {
  const std::string line = co_await heard.get();
  say("    ", who, " hears: ", line);
}

Task<> post(web::Session& session, std::string url, std::string text) {
  web::CallOptions options;
  options.body = std::move(text);
  co_await session.post(url, options);
}

// Eve never reads, and the others go on.
Task<> flood(std::string chat, push::PushServer& push, web::WebSocket& ann,
             std::vector<push::Lines*> readers) {
  say("\nEve comes, by WebSocket, and never reads. Ann sends a long message again and again,");
  say("as fast as Ben, Cid and Dan read it, until Eve is cut off.");
  web::WebSocket eve = co_await web::connect_websocket(chat);
  const std::string long_message(256 * 1024, 'x');
  while (push.listening() == 2) {
    co_await ann.send_text(long_message);
    for (push::Lines* heard : readers) co_await heard->get();
  }
  say("They have read every one of them. And Eve?");
  push::Lines by_eve;
  create_task(push::hear_websocket(eve, false, by_eve), "Eve");
  std::string line;
  do line = co_await by_eve.get();
  while (!line.starts_with("("));
  say("    Eve hears in the end: ", line);
}

Task<> play(bool with_eve) {
  push::Channel channel("chat");
  push::Settings settings;
  settings.max_queued = 1024 * 1024;
  push::PushServer push(channel, settings);
  web::Server server(push.routes(), push::server_options(0));
  const std::string chat = "ws" + server.url("/chat").substr(4);
  const std::string poll = server.url("/poll");
  web::Session session;
  push::Lines by_ann, by_ben, by_cid, by_dan;

  web::WebSocket ann = co_await web::connect_websocket(chat);
  create_task(push::hear_websocket(ann, false, by_ann), "Ann");
  say("Ann is here, by WebSocket.");
  create_task(push::hear_events(session, server.url("/events"), by_ben), "Ben");
  co_await by_ben.get();
  say("Ben is here, by server-sent events.");
  std::string last;
  TaskHandle<> polling = create_task(push::hear_poll(session, poll, last, by_cid), "Cid");
  say("Cid is here, by long polling.");

  say("\nAnn sends: Is anybody here?");
  co_await ann.send_text("Is anybody here?");
  co_await hears("Ben", by_ben);
  co_await hears("Cid", by_cid);

  say("Ben posts: I am.");
  co_await post(session, poll, "I am.");
  co_await hears("Ann", by_ann);
  co_await hears("Ben", by_ben);
  co_await hears("Cid", by_cid);

  say("\nCid's network is gone.");
  polling.cancel();
  say("Ann sends: Cid?");
  co_await ann.send_text("Cid?");
  co_await hears("Ben", by_ben);
  say("Cid is back, and asks for what comes after ", last, ".");
  polling = create_task(push::hear_poll(session, poll, last, by_cid), "Cid again");
  co_await hears("Cid", by_cid);

  say("\nDan comes late, by WebSocket, and asks for what comes after 0.");
  web::WebSocket dan = co_await web::connect_websocket(chat + "?after=0");
  create_task(push::hear_websocket(dan, true, by_dan), "Dan");
  for (int i = 0; i < 3; ++i) co_await hears("Dan", by_dan);

  std::vector<push::Lines*> readers = {&by_ben, &by_cid, &by_dan};
  if (with_eve) co_await flood(chat, push, ann, std::move(readers));

  say("\nThe server shuts down.");
  channel.close();
  co_await server.shutdown(5s);
  co_await hears("Ann", by_ann);
  co_await hears("Ben", by_ben);
  co_await hears("Cid", by_cid);
  co_await hears("Dan", by_dan);
}

int main(int argc, char** argv) {
  Choices choices;
  double poll = 25;
  double heartbeat = 15;
  int queue = 4096;
  int history = 200;
  bool drop = false;
  bool without_eve = false;
  const Lesson about{
      .about =
          "A push server: a chat by WebSocket, server-sent events and long polling. Without\n"
          "--port it plays a short one with itself. SIGINT and SIGTERM end the server in good\n"
          "order.",
      .flags = {
          number("--port", "P", "serve at this port of 127.0.0.1; 0: any that is free",
                 choices.port, 0, 65535),
          number("--history", "N", "keep the last N messages for those who come late (200)",
                 history, 1, 100'000),
          amount("--poll-timeout", "S", "seconds until a poll is answered anyhow (25)", poll, 0.01,
                 3600),
          amount("--heartbeat", "S", "seconds of silence until a sign of life (15)", heartbeat,
                 0.01, 3600),
          number("--queue", "KIB", "how much may wait for a slow /chat client (4096)", queue, 1,
                 1024 * 1024),
          on("--drop", "a slow /chat client misses messages, and is not cut off", drop),
          on("--log", "a line on stderr for each request", choices.log),
          on("--without-eve", "play without her, whose scene is longer than the others together",
             without_eve)}};
  return lesson(argc, argv, about, [&] {
    if (choices.port < 0) return run(play(!without_eve));
    choices.settings.poll = from_seconds(poll);
    choices.settings.heartbeat = from_seconds(heartbeat);
    choices.settings.max_queued = static_cast<std::size_t>(queue) * 1024;
    choices.settings.slow_reader = drop ? web::SlowReader::drop : web::SlowReader::disconnect;
    choices.history.messages = static_cast<std::size_t>(history);
    run(serve(choices), {.handle_interrupt = false});
  });
}
