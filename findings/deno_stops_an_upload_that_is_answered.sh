#!/usr/bin/env bash
# A handler of node:http answers an upload without reading it, as with 413 or 401,
# and lets the connection be kept. Node and Bun read the rest of the body and drop
# it, so the client sends all and can ask again. Deno stops reading: the client
# waits with what the kernel does not take, until the keep-alive timeout counts
# that as idle and resets the connection.
#
# Guess: what a handler leaves unread is dropped, as Node documents of
# http.IncomingMessage and as all three do with a small body.
# Seen on Node 26.10.0, Deno 2.9.5 and Bun 1.4.4, the timeout shortened to 1 s.
#
# Needs npm. Exits 1 when the behaviour has changed.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm init -y >/dev/null
npm install --no-audit --no-fund --loglevel=error \
  node@26.10.0 deno@2.9.5 bun@1.4.4 >/dev/null

cat >upload.mjs <<'JS'
import http from "node:http";
import net from "node:net";
import process from "node:process";

const SIZE = 16 << 20;
const server = http.createServer((_request, response) => response.end("no"));
server.keepAliveTimeout = 1000;
server.listen(0, "127.0.0.1", () => {
  const client = net.connect(server.address().port, "127.0.0.1");
  let text = "";
  let sent = 0;
  const say = (end) => {
    const answered = /^HTTP\/1.1 200 [^]*keep-alive[^]*no$/i.test(text);
    console.log(`${answered ? "answered" : "no answer"}, ${end}`);
    process.exit();
  };
  client.on("data", (bytes) => text += bytes);
  client.on("error", ({ code }) => say(code));
  client.write(`POST / HTTP/1.1\r\nHost: x\r\nContent-Length: ${SIZE}\r\n\r\n`);
  const part = new Uint8Array(1 << 16);
  const send = () => {
    if (sent === SIZE) return say("all sent");
    sent += part.length;
    client.write(part, (error) => error ?? setTimeout(send, 5));
  };
  send();
});
JS

bin=./node_modules/.bin
seen="node: $(timeout 60 $bin/node upload.mjs)
deno: $(timeout 60 $bin/deno run -A upload.mjs)
bun: $(timeout 60 $bin/bun upload.mjs)"
expected='node: answered, all sent
deno: answered, ECONNRESET
bun: answered, all sent'
echo "$seen"
[ "$seen" = "$expected" ] || {
  echo "changed: this was seen:" "$expected" >&2
  exit 1
}
