#!/usr/bin/env bash
# Bun.serve of Bun 1.4.4 answers none of several requests that a client sends at
# once when its handler is asynchronous: not even the first one, which it runs.
#
# Guess: requests that come at once (RFC 9112 9.3.2) are run one after the other
# and answered in their order, or run at once and answered in it, as by node:http.
# Seen: the connection is closed when the second request is read while the first
# one waits, and the answer to the first goes nowhere. A handler that returns its
# response at once answers all. node:http of the same Bun answers all too.
#
# Needs npm and a free port of 127.0.0.1. Exits 1 when the behaviour has changed.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm init -y >/dev/null
npm install --no-audit --no-fund --loglevel=error bun@1.4.4 >/dev/null
PATH="$folder/node_modules/.bin:$PATH"

cat >serve.mjs <<'EOF'
import http from "node:http";
import net from "node:net";

const kind = process.argv[2];
let ran = 0;
const later = () => new Promise((resolve) => setTimeout(resolve, 100));
let port;
if (kind === "node:http") {
  const server = http.createServer(async (_request, response) => {
    ran++;
    await later();
    response.end("answer");
  });
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  port = server.address().port;
} else {
  const response = () => (ran++, new Response("answer"));
  const fetch = kind === "at once"
    ? response
    : () => (ran++, later().then(() => new Response("answer")));
  port = Bun.serve({ hostname: "127.0.0.1", port: 0, fetch }).port;
}
const client = net.connect(port, "127.0.0.1");
let text = "";
client.on("data", (chunk) => text += chunk);
client.on("error", () => {});
client.write("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n".repeat(3));
setTimeout(() => {
  const answers = text.split("answer").length - 1;
  console.log(`${kind}: ${ran} run, ${answers} answered`);
  process.exit();
}, 1000);
EOF

expected='Bun.serve, later: 1 run, 0 answered
at once: 3 run, 3 answered
node:http: 3 run, 3 answered'
seen=$(
  timeout 60 bun serve.mjs "Bun.serve, later"
  timeout 60 bun serve.mjs "at once"
  timeout 60 bun serve.mjs "node:http"
)
echo "$seen"
[ "$seen" = "$expected" ] || {
  echo "changed: this was seen on Bun 1.4.4:" "$expected" >&2
  exit 1
}
