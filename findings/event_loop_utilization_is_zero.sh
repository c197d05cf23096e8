#!/usr/bin/env bash
# performance.eventLoopUtilization() of node:perf_hooks is there on Deno and Bun,
# and says 0 of idle, active and utilization whatever the event loop does.
#
# Guess: it is missing there, or measures as on Node.
# Seen on Deno 2.9.5 and Bun 1.4.4: a function, and three times 0 after 100 ms of
# work and 100 ms of rest. On Node 26.10.0 it says of both what they were.
#
# Needs npm. Exits 1 when the behaviour has changed.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm init -y >/dev/null
npm install --no-audit --no-fund --loglevel=error \
  node@26.10.0 deno@2.9.5 bun@1.4.4 >/dev/null

cat >program.mjs <<'END'
import { performance } from "node:perf_hooks";
setTimeout(() => {
  const before = performance.eventLoopUtilization();
  const end = performance.now() + 100;
  while (performance.now() < end);
  setTimeout(() => {
    const { idle, active } = performance.eventLoopUtilization(before);
    console.log(`idle ${idle > 0}, active ${active > 0}`);
  }, 100);
}, 1);
END
bin=./node_modules/.bin
seen="node: $(timeout 60 $bin/node program.mjs)
deno: $(timeout 60 $bin/deno run program.mjs)
bun: $(timeout 60 $bin/bun program.mjs)"
expected='node: idle true, active true
deno: idle false, active false
bun: idle false, active false'
echo "$seen"
[ "$seen" = "$expected" ] || {
  echo "changed: this was seen on these versions:" "$expected" >&2
  exit 1
}
