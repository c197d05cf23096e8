#!/usr/bin/env bash
# `wattpm restart` of Watt 3.65.0, on Node 26.10.0, with a program of node:http
# that it does not change, closes kept connections without a word, and loses new
# ones.
#
# Guess: workers are replaced one by one, the new one first, and what they hold is
# told by `Connection: close`, as `setClosing` of @platformatic/node sets it; a few
# new connections are lost with the queues of the SO_REUSEPORT sockets that close.
# Seen: no answer says `Connection: close`; connections that are kept alive end
# while the client asks again. Some new connections are reset as well. The command
# exits with 0.
#
# Needs npm, Linux and a minute. Exits 1 when the behaviour has changed.
set -euo pipefail
folder=$(mktemp -d)
server=
trap '[ -z "$server" ] || kill "$server" 2>/dev/null || true; rm -rf "$folder"' EXIT
cd "$folder"
cat >package.json <<'EOF'
{ "name": "app", "type": "module", "main": "index.js" }
EOF
npm install --no-audit --no-fund --loglevel=error node@26.10.0 wattpm@3.65.0 \
  @platformatic/node@3.65.0 >/dev/null
PATH="$folder/node_modules/node/bin:$folder/node_modules/.bin:$PATH"
PORT=$(node -e 's = net.createServer().listen(0, "127.0.0.1", () => {
  console.log(s.address().port);
  s.close();
})')
export PORT

cat >watt.json <<EOF
{
  "\$schema": "https://schemas.platformatic.dev/@platformatic/node/3.65.0.json",
  "runtime": {
    "server": { "hostname": "127.0.0.1", "port": $PORT },
    "workers": 4,
    "managementApi": true
  }
}
EOF
cat >index.js <<'EOF'
import { createServer } from "node:http";
createServer((_request, response) => response.end("hello")).listen(
  Number(process.env.PORT),
);
EOF

cat >client.mjs <<'EOF'
// Sixteen loops on new connections and eight on kept ones, no request twice.
import { spawn } from "node:child_process";
import { once } from "node:events";
import net from "node:net";
import { setTimeout as sleep } from "node:timers/promises";

const SILENT_MS = 10_000;
const seen = { answered: 0, lost: 0, kept: 0, told: 0, cut: 0 };
let stop = false;

function ask(socket, more) {
  return new Promise((resolve) => {
    let text = "";
    const end = (what) => {
      clearTimeout(timer);
      socket.removeAllListeners("data").removeAllListeners("close");
      resolve(what);
    };
    const timer = setTimeout(end, SILENT_MS, "lost");
    socket.on("data", (bytes) => {
      text += bytes;
      if (!text.endsWith("hello")) return;
      end(/^connection: close/im.test(text) ? "told" : "answered");
    });
    socket.on("close", () => end("lost"));
    socket.write(`GET / HTTP/1.1\r\nHost: localhost\r\n${more}\r\n`);
  });
}
const connect = () =>
  net.connect(Number(process.env.PORT), "127.0.0.1").on("error", () => {});

async function fresh() {
  while (!stop) {
    const socket = connect();
    const lost = await ask(socket, "Connection: close\r\n") === "lost";
    seen[lost ? "lost" : "answered"]++;
    socket.destroy();
    await sleep(10);
  }
}
async function kept() {
  while (!stop) {
    const socket = connect();
    for (let first = true, open = true; open && !stop; first = false) {
      const what = await ask(socket, "");
      open = what === "answered";
      seen[open ? "kept" : what === "told" ? "told" : first ? "lost" : "cut"]++;
      await sleep(10);
    }
    socket.destroy();
  }
}
const loops = [
  ...Array.from({ length: 16 }, fresh),
  ...Array.from({ length: 8 }, kept),
];
await sleep(1000);
const restart = spawn("wattpm", ["restart", process.argv[2]], {
  stdio: "ignore",
});
const [code] = await once(restart, "exit");
await sleep(1000);
stop = true;
await Promise.all(loops);
console.log(`exit code ${code}, ${JSON.stringify(seen)}`);
process.exit(code === 0 && seen.cut > 0 ? 0 : 1);
EOF

node node_modules/wattpm/bin/cli.js start >said &
server=$!
for _ in $(seq 1200); do
  grep -q "now listening" said && break
  sleep 0.1
done
timeout 300 node client.mjs "$server" || {
  echo "changed: with Watt 3.65.0 kept connections were cut" >&2
  exit 1
}
