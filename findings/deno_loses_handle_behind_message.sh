#!/usr/bin/env bash
# A child on Deno 2.9.5 that is busy for a moment loses a socket that its parent
# on Node 26.10.0 sends right behind a message, and the message that the socket
# came with.
#
# Guess: child.send("one"); child.send("two", socket) bring two messages, the
# second with its socket, as they do to a child on Node.
# Seen: a child on Deno gets "one". When the parent waits for an answer to that
# before it sends the socket, both come.
# The bytes of both frames are read in one go, and the file descriptor that came
# with the second is gone.
#
# Needs npm and a free port of 127.0.0.1. Exits 1 when the behaviour has changed.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm init -y >/dev/null
npm install --no-audit --no-fund --loglevel=error node@26.10.0 deno@2.9.5 \
  >/dev/null
PATH="$folder/node_modules/.bin:$PATH"
# The package's command is a script until it has run once.
deno --version >/dev/null

cat >child.mjs <<'EOF'
import process from "node:process";

process.on("message", (text, socket) => {
  process.send(`${text}${socket ? " with a socket" : ""}`);
  socket?.destroy();
});
process.send("ready");
// Busy for a moment, as a server is: what comes meanwhile is read together.
setTimeout(() => {
  for (const end = Date.now() + 1000; Date.now() < end;);
}, 100);
EOF

cat >parent.mjs <<'EOF'
import { fork } from "node:child_process";
import net from "node:net";

const [runtime, patient] = process.argv.slice(2);
const child = fork("child.mjs", {
  execPath: runtime,
  execArgv: runtime === "deno" ? ["run", "-A"] : [],
});
const heard = [];
let answered = () => {};
child.on("message", (text) => {
  if (text !== "ready") heard.push(text);
  answered();
});
const answer = () => new Promise((resolve) => answered = resolve);
await answer();

const server = net.createServer({ pauseOnConnect: true }).listen(0, "127.0.0.1");
server.on("listening", () => net.connect(server.address().port, "127.0.0.1"));
server.on("connection", async (socket) => {
  await new Promise((resolve) => setTimeout(resolve, 500));
  child.send("one");
  if (patient) await answer();
  child.send("two", socket);
  setTimeout(() => {
    console.log(
      `${runtime}${patient ? ", one by one" : ""}: ${heard.join(", ")}`,
    );
    child.kill("SIGKILL");
    process.exit();
  }, 3000);
});
EOF

expected='node: one, two with a socket
deno: one
deno, one by one: one, two with a socket'
seen=$(
  timeout 60 node parent.mjs node
  timeout 60 node parent.mjs deno
  timeout 60 node parent.mjs deno patient
)
echo "$seen"
[ "$seen" = "$expected" ] || {
  echo "changed: this was seen on Node 26.10.0 with Deno 2.9.5:" "$expected" >&2
  exit 1
}
