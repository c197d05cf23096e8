#!/usr/bin/env bash
# process.exit() of Node does not return while an fs.write() to a pipe that
# nobody reads is under way: the write waits in a thread of libuv's pool, and
# the end of the process waits for that thread. A log that is written without
# waiting, and whose reader has stopped, keeps its process from ending, whatever
# handlers of signals do.
#
# Guess: process.exit() ends the process as exit_group(2) does, whatever threads
# do.
# Seen on Node 26.10.0: it hangs until the reader reads or ends. On Bun 1.4.4
# the same program ends at once. A look at process.stdout before it (an import
# of node:process is one) sets O_NONBLOCK, and fs.write() fails with EAGAIN.
#
# Needs npm. Exits 1 when the behaviour has changed.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm init -y >/dev/null
npm install --no-audit --no-fund --loglevel=error node@26.10.0 bun@1.4.4 >/dev/null

cat >writes.mjs <<'JS'
import fs from "node:fs";
fs.write(1, "x".repeat(1_000_000), () => {});
setTimeout(() => globalThis.process.exit(7), 200);
JS
# 124: timeout(1) has ended it.
status() {
  { timeout 5 "./node_modules/.bin/$1" writes.mjs; echo $? >status; } | sleep 8
  cat status
}
seen="node $(status node), bun $(status bun)"
expected='node 124, bun 7'
echo "$seen"
[ "$seen" = "$expected" ] || {
  echo "changed: this was seen: $expected" >&2
  exit 1
}
