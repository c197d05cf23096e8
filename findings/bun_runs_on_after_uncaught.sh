#!/usr/bin/env bash
# An uncaught exception does not end Bun at once: what is due in the next
# milliseconds still runs, and a process.exit(0) in it is how the process ends,
# so that whoever started it hears of success. Node and Deno end there and then,
# with 1.
#
# Guess: nothing runs after the error is printed, and the code is 1 on all three.
# Seen on Bun 1.4.4: the next immediate runs, and the code is 0. Without a
# process.exit() Bun ends by itself soon after, with 1. On Node 26.10.0 and Deno
# 2.9.5 nothing more runs, and the code is 1.
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
import process from "node:process";
setImmediate(() => {
  setImmediate(() => {
    console.log("ran on");
    process.exit(0);
  });
  throw new Error("on purpose");
});
END
run() {
  local code=0
  out=$(timeout 60 "$@" program.mjs 2>/dev/null) || code=$?
  echo "${out:-ended}, code $code"
}
bin=./node_modules/.bin
seen="node: $(run $bin/node)
deno: $(run $bin/deno run)
bun: $(run $bin/bun)"
expected='node: ended, code 1
deno: ended, code 1
bun: ran on, code 0'
echo "$seen"
[ "$seen" = "$expected" ] || {
  echo "changed: this was seen on these versions:" "$expected" >&2
  exit 1
}
