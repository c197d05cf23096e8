#!/usr/bin/env bash
# What `node:net` listens on at a path is inherited by every process that a
# program starts on Deno: the child holds the socket, and as long as it lives
# clients of that path wait for nobody after the program itself has ended. Node
# and Bun open it close-on-exec (socket(2), SOCK_CLOEXEC), and so does Deno what
# it listens on at a port, and by Deno.listen() at a path.
#
# Guess: no child has a socket that it is not given, on all three.
# Seen on Deno 2.9.5, Node 26.10.0 and Bun 1.4.4.
#
# Needs npm and Linux. Exits 1 when the behaviour has changed.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm init -y >/dev/null
npm install --no-audit --no-fund --loglevel=error \
  node@26.10.0 deno@2.9.5 bun@1.4.4 >/dev/null

cat >program.mjs <<'END'
import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import net from "node:net";
/** The paths of the sockets that a child has (proc(5)). */
function inherited() {
  const { stdout } = spawnSync("ls", ["-l", "/proc/self/fd"], {
    encoding: "utf8",
    stdio: ["ignore", "pipe", "ignore"],
  });
  const inodes = [...stdout.matchAll(/socket:\[(\d+)\]/g)].map(([, id]) => id);
  return readFileSync("/proc/net/unix", "utf8").split("\n")
    .map((line) => line.trim().split(/\s+/))
    .filter((fields) => inodes.includes(fields[6]) && fields[7])
    .map((fields) => fields[7]);
}
const server = net.createServer().listen("./path.sock", () => {
  console.log(inherited().join() || "nothing");
  server.close();
});
END
bin=./node_modules/.bin
seen="node: $($bin/node program.mjs)
deno: $($bin/deno run -A program.mjs)
bun: $($bin/bun program.mjs)"
expected='node: nothing
deno: ./path.sock
bun: nothing'
echo "$($bin/deno --version | head -1)"
echo "$seen"
[ "$seen" = "$expected" ] || {
  echo "changed: this was seen on Deno 2.9.5:" "$expected" >&2
  exit 1
}
