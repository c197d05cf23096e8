#!/usr/bin/env bash
# node:ffi of Node 26.10.0 takes a signature written in the words of bun:ffi
# (`args`, `returns`) or of Deno.dlopen (`parameters`, `result`) without an
# error or a warning about it, and makes a function of it that takes nothing
# and returns nothing.
#
# Guess: a TypeError that names the unknown or the missing member, as the
# misspelt name of a type is one (ERR_INVALID_ARG_VALUE).
# Seen: getpid() opened with such a signature returns undefined. The same
# members in node:ffi's own words (`arguments`, `return`) return the pid.
# So whoever shares one table of functions between runtimes has to call each
# function once and compare the answer with one that is known.
#
# Linux, x64 or arm64. Needs npm. Exits 1 when the behaviour has changed.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm init -y >/dev/null
npm install --no-audit --no-fund --loglevel=error node@26.10.0 >/dev/null

cat >words.mjs <<'EOF'
import { dlopen } from "node:ffi";
import process from "node:process";

const signatures = {
  "node:ffi": { arguments: [], return: "int32" },
  "bun:ffi": { args: [], returns: "int32" },
  "Deno.dlopen": { parameters: [], result: "int32" },
};
for (const [words, signature] of Object.entries(signatures)) {
  const { functions } = dlopen(null, { getpid: signature });
  const answer = functions.getpid();
  console.log(`${words}: ${answer === process.pid ? "the pid" : answer}`);
}
try {
  dlopen(null, { getpid: { arguments: [], return: "int" } });
  console.log("a wrong type: taken");
} catch (error) {
  console.log(`a wrong type: ${error.code}`);
}
EOF

expected='node:ffi: the pid
bun:ffi: undefined
Deno.dlopen: undefined
a wrong type: ERR_INVALID_ARG_VALUE'
seen=$(timeout 60 ./node_modules/.bin/node --no-warnings words.mjs)
echo "$seen"
[ "$seen" = "$expected" ] || {
  echo "changed: this was seen on Node 26.10.0:" "$expected" >&2
  exit 1
}
