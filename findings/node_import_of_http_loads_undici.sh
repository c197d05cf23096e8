#!/usr/bin/env bash
# An ES module that imports node:http makes Node load undici and the
# implementation of TLS, although the program uses neither: for an import Node
# reads every export of the module once, and some of http's are getters that
# load what they stand for (WebSocket and its kin). require() and
# process.getBuiltinModule() read nothing but what is asked for.
#
# Guess: the same modules are loaded in all three ways, and named imports load
# no more than what they name.
# Seen on Node 26.10.0: undici and internal/tls/.. after an import, named or
# not; neither after require() and getBuiltinModule(). It is a third of the CPU
# that a server of three lines needs until it listens.
#
# Needs npm. Exits 1 when the behaviour has changed.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm init -y >/dev/null
npm install --no-audit --no-fund --loglevel=error node@26.10.0 >/dev/null

tell='const has = (part) => process.moduleLoadList.some((name) => name.includes(part)) ? "loaded" : "not loaded";
console.log(`undici ${has("internal/deps/undici")}, tls ${has("internal/tls/")}`);'
run() { timeout 60 ./node_modules/.bin/node "$@"; }
seen="import: $(run --input-type=module -e "import 'node:http'; $tell")
named import: $(run --input-type=module -e "import { createServer } from 'node:http'; $tell")
require: $(run --input-type=commonjs -e "require('node:http'); $tell")
getBuiltinModule: $(run --input-type=module -e "process.getBuiltinModule('node:http'); $tell")"
expected='import: undici loaded, tls loaded
named import: undici loaded, tls loaded
require: undici not loaded, tls not loaded
getBuiltinModule: undici not loaded, tls not loaded'
echo "$seen"
[ "$seen" = "$expected" ] || {
  echo "changed: this was seen on Node 26.10.0:" "$expected" >&2
  exit 1
}
