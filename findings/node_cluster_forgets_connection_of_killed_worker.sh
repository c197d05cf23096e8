#!/usr/bin/env bash
# node:cluster on Node 26.10.0 forgets the connection that was on its way to a
# worker that is killed: it stays open and is never answered.
#
# Guess: it goes to another worker, or is closed, so that the client hears of it.
# Seen: of six clients that come while one of two workers is stopped, the one
# that was dealt to it waits for ever once it is killed; the primary keeps the
# socket. node:cluster of Bun 1.4.4 with the same program answers all six.
#
# Needs npm. Exits 1 when the behaviour has changed.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm init -y >/dev/null
npm install --no-audit --no-fund --loglevel=error node@26.10.0 bun@1.4.4 >/dev/null
PATH="$folder/node_modules/.bin:$PATH"

cat >server.mjs <<'EOF'
import cluster from "node:cluster";
import net from "node:net";
import { setTimeout as sleep } from "node:timers/promises";

if (cluster.isWorker) {
  net.createServer((socket) => socket.end("hello")).listen(
    { host: "127.0.0.1", port: 0 },
  );
} else {
  cluster.schedulingPolicy = cluster.SCHED_RR;
  const workers = [cluster.fork(), cluster.fork()];
  const [port] = await Promise.all(workers.map((worker) =>
    new Promise((resolve) =>
      worker.once("listening", (address) => resolve(address.port))
    )
  ));
  process.kill(workers[0].process.pid, "SIGSTOP");
  const clients = Array.from({ length: 6 }, () => {
    const client = { state: "open, no answer" };
    net.connect(port, "127.0.0.1")
      .on("data", () => client.state = "answered")
      .on("error", () => {})
      .on("close", () => client.state = client.state.replace(/^open.*/, "closed"));
    return client;
  });
  await sleep(2000);
  process.kill(workers[0].process.pid, "SIGKILL");
  await sleep(5000);
  const count = (state) => clients.filter((each) => each.state === state).length;
  console.log(
    ["answered", "closed", "open, no answer"].map((state) =>
      `${count(state)} ${state}`
    ).join("; "),
  );
  workers[1].process.kill("SIGKILL");
  process.exit();
}
EOF

seen="node: $(timeout 60 node server.mjs)
bun: $(timeout 60 bun server.mjs)"
echo "$seen"
expected='node: 5 answered; 0 closed; 1 open, no answer
bun: 6 answered; 0 closed; 0 open, no answer'
[ "$seen" = "$expected" ] || {
  echo "changed: this was seen on Node 26.10.0 and Bun 1.4.4:" "$expected" >&2
  exit 1
}
