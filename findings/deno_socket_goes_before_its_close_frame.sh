#!/usr/bin/env bash
# A WebSocket server of Deno 2.9.5 that closes while its client still sends goes
# without a Close frame: the client sees 1006 in place of the code that the
# program gave.
#
# Guess: after socket.close(1001) the client hears 1001, whatever it has sent
# until then, as RFC 6455 section 7.1.2 has it and as servers of Bun 1.4.4 do.
# Seen: so it is when the client is silent. When another message of it comes
# right behind the one at which the program closes, the connection ends and no
# Close frame was sent.
#
# Needs npm and a free port of 127.0.0.1. Exits 1 when the behaviour has changed.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm init -y >/dev/null
npm install --no-audit --no-fund --loglevel=error bun@1.4.4 deno@2.9.5 ws@8.18.0 \
  >/dev/null
PATH="$folder/node_modules/.bin:$PATH"
# The package's command is a script until it has run once.
deno --version >/dev/null

cat >server.mjs <<'EOS'
const { Bun, Deno } = globalThis;
if (Deno) {
  Deno.serve({
    hostname: "127.0.0.1",
    port: 0,
    onListen: ({ port }) => console.log(port),
  }, (request) => {
    const { socket, response } = Deno.upgradeWebSocket(request);
    socket.onmessage = () => socket.close(1001);
    return response;
  });
} else {
  const server = Bun.serve({
    hostname: "127.0.0.1",
    port: 0,
    fetch: (request, server) =>
      server.upgrade(request) ? undefined : new Response("no"),
    websocket: { message: (socket) => socket.close(1001) },
  });
  console.log(server.port);
}
EOS

cat >client.mjs <<'EOS'
import { spawn } from "node:child_process";
import { once } from "node:events";
import { WebSocket } from "ws";

for (const command of [["bun"], ["deno", "run", "-A"]]) {
  const [name, ...args] = [...command, "server.mjs"];
  const server = spawn(name, args, { stdio: ["ignore", "pipe", "inherit"] });
  const [line] = await once(server.stdout, "data");
  for (const messages of [["one"], ["one", "two"]]) {
    const client = new WebSocket(`ws://127.0.0.1:${Number(String(line))}/`);
    client.on("error", () => {});
    await once(client, "open");
    // In one go.
    client._socket.cork();
    for (const each of messages) client.send(each);
    client._socket.uncork();
    const [code] = await once(client, "close");
    console.log(`${name}, ${messages.length} sent: ${code}`);
  }
  server.kill("SIGKILL");
}
EOS

expected='bun, 1 sent: 1001
bun, 2 sent: 1001
deno, 1 sent: 1001
deno, 2 sent: 1006'
seen=$(timeout 60 node client.mjs)
echo "$seen"
[ "$seen" = "$expected" ] || {
  echo "changed: this was seen on Deno 2.9.5 and Bun 1.4.4:" "$expected" >&2
  exit 1
}
