#!/usr/bin/env bash
# `pm2 reload` of PM2 7.0.4 in cluster mode, on Node 26.10.0, leaves new
# connections open that nobody answers, and cuts those that are kept alive.
#
# Guess: new connections all get an answer, since old workers are ended once the
# new ones listen ("a 0-second-downtime reload"); those that are kept are cut.
# Seen: an old worker is ended by SIGINT while connections are still dealt to it.
# What was dealt to it last is forgotten
# (node_cluster_forgets_connection_of_killed_worker.sh): a client that sends one
# request on a new connection hears nothing for as long as it waits. `pm2 reload`
# exits with 0.
#
# Needs npm, Linux and a minute. Exits 1 when the behaviour has changed.
set -euo pipefail
folder=$(mktemp -d)
export PM2_HOME="$folder/pm2"
trap 'pm2 kill >/dev/null 2>&1 || true; rm -rf "$folder"' EXIT
cd "$folder"
npm init -y >/dev/null
npm install --no-audit --no-fund --loglevel=error node@26.10.0 pm2@7.0.4 >/dev/null
PATH="$folder/node_modules/.bin:$PATH"
PORT=$(node -e 's = net.createServer().listen(0, "127.0.0.1", () => {
  console.log(s.address().port);
  s.close();
})')
export PORT

cat >server.js <<'EOF'
require("node:http").createServer((_request, response) => response.end("hello"))
  .listen(Number(process.env.PORT), "127.0.0.1");
EOF

cat >client.mjs <<'EOF'
// Sixteen loops on new connections and four on kept ones, no request twice.
import { spawn } from "node:child_process";
import { once } from "node:events";
import net from "node:net";
import { setTimeout as sleep } from "node:timers/promises";

const SILENT_MS = 10_000;
const seen = { answered: 0, silent: 0, kept: 0, cut: 0 };
let stop = false;

function ask(socket, more) {
  return new Promise((resolve) => {
    const end = (what) => {
      clearTimeout(timer);
      socket.removeAllListeners("data").removeAllListeners("close");
      resolve(what);
    };
    const timer = setTimeout(end, SILENT_MS, "silent");
    socket.on("data", () => end("answered"));
    socket.on("close", () => end("cut"));
    socket.write(`GET / HTTP/1.1\r\nHost: localhost\r\n${more}\r\n`);
  });
}
const connect = () =>
  net.connect(Number(process.env.PORT), "127.0.0.1").on("error", () => {});

async function fresh() {
  while (!stop) {
    const socket = connect();
    const what = await ask(socket, "Connection: close\r\n");
    seen[what] = (seen[what] ?? 0) + 1;
    socket.destroy();
    await sleep(10);
  }
}
async function kept() {
  while (!stop) {
    const socket = connect();
    if (await ask(socket, "") === "answered") {
      for (let what = "answered"; !stop && what === "answered";) {
        await sleep(10);
        what = await ask(socket, "");
        if (what === "answered") seen.kept++;
        else seen.cut++;
      }
    }
    socket.destroy();
  }
}
const loops = [
  ...Array.from({ length: 16 }, fresh),
  ...Array.from({ length: 4 }, kept),
];
await sleep(1000);
const reload = spawn("pm2", ["reload", "server"], { stdio: "ignore" });
const [code] = await once(reload, "exit");
await sleep(1000);
stop = true;
await Promise.all(loops);
console.log(`exit code ${code}, ${JSON.stringify(seen)}`);
process.exit(code === 0 && seen.silent > 0 && seen.cut > 0 ? 0 : 1);
EOF

pm2 start server.js -i 4 >/dev/null
timeout 180 node client.mjs || {
  echo "changed: with PM2 7.0.4 some were silent, and some were cut" >&2
  exit 1
}
