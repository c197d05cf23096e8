#!/usr/bin/env bash
# node:http on Node 26.10.0: how often uploads need a full collection goes by the
# little that a program keeps.
#
# Guess: bodies of 64 KiB that are dropped after each request die young; whatever
# else a program keeps, they need the same collections.
# Seen: a program that keeps nothing has half a full collection to one for each
# 1,000 of them, and frees the others by scavenges ("external memory pressure").
# One that keeps 30,000 small objects (3 MB) has three ("GC in old space
# requested", "finalize incremental marking"), for as long as uploads go on; under
# wrk they cost it twice the CPU. With --initial-heap-size=256, which NODE_OPTIONS
# does not take, it has no more than the one that keeps nothing.
#
# Needs npm. Exits 1 when the behaviour has changed.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm init -y >/dev/null
npm install --no-audit --no-fund --loglevel=error node@26.10.0 >/dev/null
PATH="$folder/node_modules/.bin:$PATH"

cat >server.mjs <<'EOF'
import { createServer } from "node:http";
import { constants, PerformanceObserver } from "node:perf_hooks";

const keeps = Number(process.argv[2]);
globalThis.kept = Array.from({ length: keeps }, (_, id) => ({ id, tags: [id] }));
let full = 0;
let count = 0;
new PerformanceObserver((list) => {
  for (const { detail } of list.getEntries()) {
    if (detail.kind === constants.NODE_PERFORMANCE_GC_MAJOR) full++;
  }
}).observe({ entryTypes: ["gc"] });
createServer((request, response) => {
  if (request.method === "GET") {
    // What was observed comes a moment later.
    return setTimeout(() => {
      response.end(JSON.stringify({ full, count }));
    }, 100);
  }
  const chunks = [];
  request.on("data", (chunk) => chunks.push(chunk));
  request.on("end", () => {
    count++;
    response.end(String(Buffer.concat(chunks).length));
  });
}).listen(0, "127.0.0.1", function () {
  process.send(this.address().port);
});
EOF

cat >measure.mjs <<'EOF'
import { fork } from "node:child_process";
import { once } from "node:events";
import http from "node:http";

const agent = new http.Agent({ keepAlive: true, maxSockets: 64 });
const body = Buffer.alloc(64 * 1024, "x");

async function measure(keeps, execArgv = []) {
  const server = fork("server.mjs", [String(keeps)], { execArgv });
  const [port] = await once(server, "message");
  const ask = (method) =>
    new Promise((resolve, reject) => {
      const request = http.request(
        { host: "127.0.0.1", port, method, agent },
        async (response) => {
          let text = "";
          for await (const part of response) text += part;
          resolve(text);
        },
      ).on("error", reject);
      request.end(method === "POST" ? body : undefined);
    });
  const upload = async (count) => {
    for (let i = 0; i < count / 64; i++) {
      await Promise.all(Array.from({ length: 64 }, () => ask("POST")));
    }
  };
  // Compiling and growing are no part of it.
  await upload(3000);
  const before = JSON.parse(await ask("GET"));
  await upload(4000);
  const after = JSON.parse(await ask("GET"));
  server.kill();
  return (after.full - before.full) / (after.count - before.count) * 1000;
}

const nothing = await measure(0);
const some = await measure(30_000);
const prepared = await measure(30_000, ["--initial-heap-size=256"]);
console.error(nothing.toFixed(2), some.toFixed(2), prepared.toFixed(2));
const verdict = (each) => some > 2 * each ? "less than half of that" : "as many";
console.log(
  `that keeps 3 MB: ${some > 1 ? "more than one" : some}; ${
    verdict(nothing)
  } when it keeps nothing, ${verdict(prepared)} when it has room`,
);
process.exit();
EOF

seen="full collections for 1,000 uploads of a program $(timeout 120 node measure.mjs)"
echo "$seen"
expected="full collections for 1,000 uploads of a program that keeps 3 MB: more than one; less than half of that when it keeps nothing, less than half of that when it has room"
[ "$seen" = "$expected" ] || {
  echo "changed: this was seen on Node 26.10.0:" "$expected" >&2
  exit 1
}
