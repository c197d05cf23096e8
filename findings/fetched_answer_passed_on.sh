#!/usr/bin/env bash
# Deno 2.9.5 and Bun 1.4.4: a handler that passes a compressed answer of another
# server on.
#
# Guess: fetch() decodes the body, and Deno.serve and Bun.serve send what a client
# can read: without "content-encoding", or encoded again. The same for
# `new Response(answer.body, answer)`, by which one changes a field.
# Seen: Bun.serve says "content-encoding: gzip" of both, and the body is plain.
# Deno.serve sends the answer itself as it is to be; of the copy it says
# "content-encoding: gzip" and the length of before, and the client hears no body
# at all: the connection ends. Whoever copies an answer takes both fields out.
#
# Needs npm. Exits 1 when the behaviour has changed.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm init -y >/dev/null
npm install --no-audit --no-fund --loglevel=error bun@1.4.4 deno@2.9.5 >/dev/null

cat >ask.mjs <<'EOF'
import http from "node:http";
import net from "node:net";
import process from "node:process";
import { gzipSync } from "node:zlib";

const plain = "plain ".repeat(50);
const upstream = http.createServer((_, answer) => {
  const body = gzipSync(plain);
  answer.setHeader("content-encoding", "gzip");
  answer.setHeader("content-length", body.length);
  answer.end(body);
});
await new Promise((resolve) => upstream.listen(0, "127.0.0.1", resolve));
const from = `http://127.0.0.1:${upstream.address().port}/`;

const handler = async ({ url }) => {
  const answer = await fetch(from);
  return url.endsWith("/copy") ? new Response(answer.body, answer) : answer;
};
let port;
if (globalThis.Deno) {
  const options = { port: 0, hostname: "127.0.0.1", onListen() {} };
  ({ port } = Deno.serve(options, handler).addr);
} else {
  ({ port } = Bun.serve({ port: 0, hostname: "127.0.0.1", fetch: handler }));
}

/** What stands on the wire, by a client that takes every coding. */
function ask(path) {
  const socket = net.connect(port, "127.0.0.1");
  const head = "Host: x\r\nAccept-Encoding: gzip\r\nConnection: close\r\n\r\n";
  socket.write(`GET ${path} HTTP/1.1\r\n${head}`);
  let text = "";
  socket.setEncoding("latin1").on("data", (piece) => text += piece);
  return new Promise((resolve) => {
    const done = () => {
      const [fields, ...rest] = text.split("\r\n\r\n");
      const coding = /content-encoding: (\S+)/i.exec(fields)?.[1] ?? "no coding";
      const body = rest.join("").includes(plain)
        ? "plain"
        : rest.join("") === ""
        ? "no body"
        : "other";
      resolve(`${coding}, ${body}`);
    };
    socket.on("close", done).on("error", () => {});
  });
}
console.log(`itself: ${await ask("/")}; copy: ${await ask("/copy")}`);
process.exit();
EOF

seen="bun: $(node_modules/.bin/bun ask.mjs)
deno: $(node_modules/.bin/deno run -A --no-config ask.mjs)"
echo "$seen"
[ "$seen" = "bun: itself: gzip, plain; copy: gzip, plain
deno: itself: no coding, plain; copy: gzip, no body" ]
