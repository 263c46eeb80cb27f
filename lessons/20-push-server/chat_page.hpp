// The chat page: one HTML file, whole, from <!doctype html> to </html>.
//
// It stands in a header so that the program needs no file beside it, wherever it is started; and in
// it are style and script, so that there is one file to read. {nonce} is replaced by the server.
//
// The script has one idea: `last`, the id of the newest message that the page has. Each of the
// three ways to hear of news begins by saying it, so they can be exchanged in the middle, and a
// page that was cut off gets what it missed. The other direction is an outbox: what was sent stays
// in it until it comes back as news, and is sent again after each interruption. So a message may
// arrive twice; its sender has given it an id, and the page shows an id once.
//
// What the pages say to each other is JSON inside the message, {"id", "name", "text", "at"}; the
// server does not look at it. Whatever is no such thing is shown as it is, and nothing that anybody
// sent ever becomes HTML (textContent).
#pragma once

#include <string_view>

namespace push {

/// Where the server puts the password of the page's own script and style.
inline constexpr std::string_view kNonce = "{nonce}";

inline constexpr std::string_view kChatPage = R"html(<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>simul chat</title>
<link rel="icon" href="data:image/svg+xml,%3Csvg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 2 2'%3E%3Cpath fill='%23eef' d='M0 0h2v2H0z'/%3E%3Cpath fill='%23235' d='M0 0h1v2h1V1H0z'/%3E%3C/svg%3E">
<style nonce="{nonce}">
:root {
  --ground: #f3f1ec; --paper: #fff; --ink: #1c2127; --faint: #5b6470; --line: #d8d4ca;
  --accent: #1f5c91; --on-accent: #fff; --mine: #dcebf8; --good: #1d7a45; --bad: #b3361f;
  --shade: 45% .13;
}
@media (prefers-color-scheme: dark) {
  :root {
    --ground: #14171b; --paper: #1e2329; --ink: #e8eaed; --faint: #a3adb8; --line: #363d46;
    --accent: #86bdf0; --on-accent: #0d1f30; --mine: #1f3b55; --good: #63cf93; --bad: #ff9a85;
      --shade: 82% .1;
  }
}
* { box-sizing: border-box; }
html, body { height: 100%; margin: 0; }
body {
  display: flex; flex-direction: column; max-width: 52rem; margin: 0 auto; padding: 0 1rem;
  background: var(--ground); color: var(--ink); font: 1rem/1.45 system-ui, sans-serif;
}
header, .settings { display: flex; flex-wrap: wrap; align-items: center; gap: .4rem 1.2rem; }
header { padding: .9rem 0 .5rem; justify-content: space-between; }
h1 { margin: 0; font-size: 1.25rem; letter-spacing: .01em; }
h1 span { font-weight: 400; color: var(--faint); }
#state { margin: 0; font-size: .9rem; color: var(--faint); }
#state::before {
  content: ""; display: inline-block; width: .65em; height: .65em; margin-right: .45em;
  border: .13em solid var(--faint); border-radius: 50%;
}
#state.online::before { background: var(--good); border-color: var(--good); }
#state.lost { color: var(--bad); }
#state.lost::before { border-color: var(--bad); }
.settings { padding-bottom: .7rem; font-size: .9rem; }
.settings fieldset { display: flex; flex-wrap: wrap; align-items: center; gap: .2rem 1rem; margin: 0; padding: 0; border: 0; }
.settings legend { float: left; padding: 0; color: var(--faint); }
.settings label { display: inline-flex; align-items: center; gap: .4em; min-height: 1.8rem; }
.settings > label { color: var(--faint); }
input, textarea, button { font: inherit; color: inherit; accent-color: var(--accent); }
input[type=text], textarea {
  padding: .35rem .6rem; border: 1px solid var(--faint); border-radius: .5rem; background: var(--paper);
}
#name { width: 9rem; color: var(--ink); }
::placeholder { color: var(--faint); opacity: 1; }
:focus-visible { outline: .18rem solid var(--accent); outline-offset: .12rem; }
#log {
  flex: 1; min-height: 6rem; overflow-y: auto; padding: .8rem; border: 1px solid var(--line);
  border-radius: .8rem; background: var(--paper);
}
ol { display: flex; flex-direction: column; gap: .55rem; margin: 0; padding: 0; list-style: none; }
#outbox:not(:empty) { margin-top: .55rem; }
.message { max-width: min(36rem, 88%); align-self: flex-start; }
.message.mine { align-self: flex-end; }
.message p { margin: 0; }
.from { font-size: .8rem; color: var(--faint); }
.from b { color: oklch(var(--shade) var(--hue)); }
.mine .from { text-align: right; }
.said {
  padding: .4rem .75rem; border-radius: .3rem .9rem .9rem; background: var(--ground);
  white-space: pre-wrap; overflow-wrap: anywhere;
}
.mine .said { border-radius: .9rem .3rem .9rem .9rem; background: var(--mine); }
#outbox .said { opacity: .65; outline: 1px dashed var(--faint); }
.notice { align-self: center; font-size: .85rem; color: var(--faint); }
#empty { margin: 1rem 0; text-align: center; color: var(--faint); }
#log:has(li) #empty { display: none; }
form { display: grid; grid-template-columns: 1fr auto; gap: .5rem; padding: .8rem 0 .7rem; }
#text { resize: none; field-sizing: content; min-height: 2.6rem; max-height: 30vh; line-height: 1.6; }
button {
  padding: .35rem 1.2rem; border: 0; border-radius: .5rem; background: var(--accent);
  color: var(--on-accent); font-weight: 600; cursor: pointer;
}
#hint { grid-column: 1 / -1; margin: 0; font-size: .8rem; color: var(--faint); }
.unseen { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); }
@media (max-width: 34rem) {
  body { padding: 0 .6rem; }
  .settings legend { float: none; }
  #hint { display: none; }
}
</style>
</head>
<body>
<header>
  <h1>simul <span>chat</span></h1>
  <p id="state" role="status">Connecting …</p>
</header>
<div class="settings" role="group" aria-label="Settings">
  <label>Your name <input type="text" id="name" maxlength="40" autocomplete="off"></label>
  <fieldset>
    <legend>News comes by</legend>
    <label><input type="radio" name="way" value="websocket" checked> WebSocket</label>
    <label><input type="radio" name="way" value="events"> Server-sent events</label>
    <label><input type="radio" name="way" value="poll"> Long polling</label>
  </fieldset>
</div>
<main id="log" tabindex="0" aria-label="The conversation">
  <div role="log" aria-label="Messages"><ol id="list"></ol></div>
  <ol id="outbox" aria-label="Not sent yet"></ol>
  <p id="empty">Nobody has said anything yet. Open this page in a second window.</p>
</main>
<form id="form">
  <label class="unseen" for="text">Message</label>
  <textarea id="text" rows="1" maxlength="100000" placeholder="Write a message" aria-describedby="hint" autofocus></textarea>
  <button>Send</button>
  <p id="hint">Enter sends, Shift and Enter begin a new line.</p>
</form>
<script nonce="{nonce}">
"use strict";
const $ = id => document.getElementById(id);
const log = $("log");
const kShown = 500;
const me = Array.from(crypto.getRandomValues(new Uint32Array(2)), n => n.toString(36)).join("");

let last = "";             // the id of the newest message that we have: "chat.7"
const seen = new Set();    // the ids that senders gave their messages
const outbox = new Map();  // what we sent and have not seen come back, by its id
let link = null;           // the present connection
let ready = false;         // it stands
let failures = 0, timer = 0, count = 0, atEnd = true;

// ---- Three ways to hear of news. Each calls online(), show(message), lost(); and can be stopped.

const ways = {
  websocket() {
    const socket = new WebSocket(`ws${location.protocol.slice(4)}//${location.host}/chat?after=${last}`);
    socket.onopen = online;
    socket.onmessage = event => show(JSON.parse(event.data));
    socket.onclose = lost;
    return {
      send: text => socket.send(text),
      stop() { socket.onopen = socket.onmessage = socket.onclose = null; socket.close(); },
    };
  },
  events() {
    const source = new EventSource(`/events?after=${last}`);
    source.onopen = online;
    source.onmessage = event => show(JSON.parse(event.data));
    source.onerror = lost;  // it would come back by itself; here all three come back the same way
    return { send: post, stop: () => source.close() };
  },
  poll() {
    const end = new AbortController();
    async function ask() {
      for (;;) {
        const answer = await fetch(`/poll?after=${last}&wait=${ready ? 25 : 0}`, { signal: end.signal });
        if (!answer.ok) throw new Error(answer.status);
        const news = await answer.json();
        if (end.signal.aborted) return;
        news.messages.forEach(show);
        if (!ready) online();
      }
    }
    ask().catch(() => { if (!end.signal.aborted) lost(); });
    return { send: post, stop: () => end.abort() };
  },
};

function post(text) {
  const by = link;
  fetch("/poll", { method: "POST", body: text })
    .then(answer => { if (!answer.ok) throw new Error(answer.status); })
    .catch(() => { if (link === by) lost(); });
}

// ---- Connecting, and connecting again

function start() {
  stop();
  state("", "Connecting …");
  link = ways[document.querySelector("[name=way]:checked").value]();
}

function stop() {
  clearTimeout(timer);
  ready = false;
  if (link) link.stop();
  link = null;
}

function online() {
  ready = true;
  failures = 0;
  state("online", "Connected");
  for (const text of outbox.values()) link.send(text);
}

// Twice as long each time, up to half a minute; and by chance, so that not all come at once.
function lost() {
  stop();
  const seconds = Math.min(30, 2 ** failures++ / 2) * (0.5 + Math.random() / 2);
  state("lost", `Not connected. Trying again in ${Math.ceil(seconds)} s.`);
  timer = setTimeout(start, seconds * 1000);
}

function state(kind, text) {
  $("state").className = kind;
  $("state").textContent = text;
}

// ---- Messages

function show(message) {
  const [channel, number] = message.id.split(".");
  const [before, had] = last.split(".");
  if (channel === before && +number <= +had) return;
  if (before && channel !== before) notice("The server was started anew.");
  const missing = number - (channel === before ? had : 0) - 1;
  if (before && missing > 0) notice(missing === 1 ? "A message is gone." : `${missing} messages are gone.`);
  last = message.id;
  const said = understand(message);
  if (said.id) {
    if (seen.has(said.id)) return;
    seen.add(said.id);
    if (seen.size > 4 * kShown) seen.delete(seen.values().next().value);
    if (outbox.delete(said.id)) document.getElementById("out-" + said.id).remove();
  }
  add($("list"), row(said));
}

// What a page has sent, or whatever anybody else has.
function understand(message) {
  if (message.binary !== undefined) return { text: `(${atob(message.binary).length} bytes)` };
  try {
    const { id, name, text, at } = JSON.parse(message.text);
    if (typeof text === "string") return { id: word(id), name: word(name), text, at };
  } catch { }
  return { text: message.text };
}

function word(value) { return typeof value === "string" ? value : ""; }

function row({ id, name, text, at }) {
  const item = element("li", "message" + (id?.startsWith(me) ? " mine" : ""));
  const from = element("p", "from"), who = element("b", "", name || "Somebody");
  let hue = 0;
  for (const letter of name || "") hue = (hue * 31 + letter.codePointAt(0)) % 360;
  who.style.setProperty("--hue", hue);
  from.append(who);
  const time = new Date(at);
  if (at && !isNaN(time)) {
    const clock = element("time", "", " " + time.toLocaleTimeString([], { hour: "2-digit", minute: "2-digit" }));
    clock.dateTime = time.toISOString();
    from.append(clock);
  }
  const said = element("p", "said", text);
  said.dir = "auto";
  item.append(from, said);
  return item;
}

function notice(text) { add($("list"), element("li", "notice", text)); }

function element(tag, classes, text = "") {
  const made = document.createElement(tag);
  made.className = classes;
  made.textContent = text;
  return made;
}

// Who reads at the end stays there; who has scrolled up stays where he is.
function add(list, item) {
  list.append(item);
  while (list.children.length > kShown) list.firstChild.remove();
  keepAtEnd();
}
function keepAtEnd() { if (atEnd) log.scrollTop = log.scrollHeight; }
log.onscroll = () => { atEnd = log.scrollHeight - log.scrollTop - log.clientHeight < 60; };
new ResizeObserver(keepAtEnd).observe(log);

// ---- The person in front of it

$("form").onsubmit = event => {
  event.preventDefault();
  const text = $("text").value.trim();
  if (!text) return;
  const said = { id: `${me}-${++count}`, name: $("name").value.trim(), text, at: Date.now() };
  outbox.set(said.id, JSON.stringify(said));
  const item = row(said);
  item.id = "out-" + said.id;
  atEnd = true;
  add($("outbox"), item);
  if (ready) link.send(outbox.get(said.id));
  $("text").value = "";
  $("text").focus();
};
$("text").onkeydown = event => {
  if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
  event.preventDefault();
  $("form").requestSubmit();
};
document.querySelectorAll("[name=way]").forEach(way => way.onchange = start);
$("name").value = sessionStorage.getItem("name") || "Guest " + (1000 + Math.floor(Math.random() * 9000));
$("name").onchange = () => sessionStorage.setItem("name", $("name").value);
addEventListener("offline", lost);
addEventListener("online", start);
start();
</script>
</body>
</html>
)html";

}  // namespace push
