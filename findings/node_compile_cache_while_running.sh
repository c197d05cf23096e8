#!/usr/bin/env bash
# Node writes its compile cache (NODE_COMPILE_CACHE) while the program runs: a
# process that is killed by SIGKILL one second after its start has filled it,
# with its main module and with what that imports. Seen on 22.12.0 and 26.10.0.
#
# Guess, from "flushed when the process is about to exit" as one reads in
# descriptions of it: nothing is on the disk before the exit, and a server that
# runs for weeks and is killed in the end never fills its cache without
# module.flushCompileCache().
#
# Needs npm. Exits 1 when the behaviour has changed.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm init -y >/dev/null
npm install --no-audit --no-fund --loglevel=error \
  node-26@npm:node@26.10.0 node-22@npm:node@22.12.0 >/dev/null

cat >imported.mjs <<'EOF'
export const answer = 42;
EOF
cat >server.mjs <<'EOF'
import process from "node:process";
import { answer } from "./imported.mjs";

setInterval(() => {}, 1000);
setTimeout(() => process.kill(process.pid, "SIGKILL"), 1000);
globalThis.answer = answer;
EOF

seen=
for version in 26 22; do
  NODE_COMPILE_CACHE=$folder/cache-$version \
    timeout 60 "./node_modules/node-$version/bin/node" server.mjs || true
  files=$(find "cache-$version" -type f | wc -l)
  seen+="Node $version: $files files after SIGKILL"$'\n'
done
echo -n "$seen"
[ "$seen" = $'Node 26: 2 files after SIGKILL\nNode 22: 2 files after SIGKILL\n' ] || {
  echo "changed: 2 files were seen on both versions" >&2
  exit 1
}
