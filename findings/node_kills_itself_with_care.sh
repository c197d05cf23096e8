#!/usr/bin/env bash
# A Node process that sends itself SIGKILL by process.kill() runs its native
# exit hooks first, and so writes its compile cache (NODE_COMPILE_CACHE); the
# same signal from outside leaves nothing. A test that has a worker "kill -9"
# itself does not test what happens when somebody else does.
#
# Guess: SIGKILL is SIGKILL, whoever sends it, and nothing runs after it.
# Seen on Node 22.12.0 and 26.10.0: one file after the own signal, none after
# the one from outside, for SIGKILL and for SIGTERM without a handler alike.
#
# Needs npm. Exits 1 when the behaviour has changed.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm init -y >/dev/null
npm install --no-audit --no-fund --loglevel=error \
  node-26@npm:node@26.10.0 node-22@npm:node@22.12.0 >/dev/null

cat >itself.mjs <<'EOF'
setTimeout(() => process.kill(process.pid, process.argv[2]), 300);
EOF
cat >waits.mjs <<'EOF'
setInterval(() => {}, 1000);
process.stdout.write("up\n");
EOF

files() { find "$1" -type f 2>/dev/null | wc -l; }
seen=
for version in 22 26; do
  node=./node_modules/node-$version/bin/node
  for signal in SIGKILL SIGTERM; do
    NODE_COMPILE_CACHE=own-$version-$signal \
      timeout 60 "$node" itself.mjs "$signal" || true
    mkfifo "up-$version-$signal"
    NODE_COMPILE_CACHE=other-$version-$signal \
      "$node" waits.mjs >"up-$version-$signal" &
    read -r _ <"up-$version-$signal"
    kill "-$signal" "$!"
    wait "$!" || true
    seen+="Node $version, $signal: from itself $(files "own-$version-$signal"), "
    seen+="from outside $(files "other-$version-$signal")"$'\n'
  done
done
expected='Node 22, SIGKILL: from itself 1, from outside 0
Node 22, SIGTERM: from itself 1, from outside 0
Node 26, SIGKILL: from itself 1, from outside 0
Node 26, SIGTERM: from itself 1, from outside 0
'
echo -n "$seen"
[ "$seen" = "$expected" ] || {
  echo "changed: this was seen:" "$expected" >&2
  exit 1
}
