#!/usr/bin/env bash
# A program whose parent has blocked a signal does not get it, since a process
# inherits that (sigprocmask(2)): nginx blocks SIGTERM and all others that it
# obeys while it starts its next version (USR2). Node and Bun let every signal
# come again when they start; Deno does not, so a listener for SIGTERM is never
# called there, and the program cannot be ended by it.
#
# Guess: a listener that https://docs.deno.com/api/deno/~/Deno.addSignalListener
# describes is called for each SIGTERM, as on the other two.
# Seen on Deno 2.9.5, Node 26.10.0 and Bun 1.4.4.
#
# Needs npm and perl. Exits 1 when the behaviour has changed.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm init -y >/dev/null
npm install --no-audit --no-fund --loglevel=error \
  node@26.10.0 deno@2.9.5 bun@1.4.4 >/dev/null

cat >program.mjs <<'END'
import process from "node:process";
process.on("SIGTERM", () => {
  console.log("SIGTERM came");
  process.exit();
});
setTimeout(() => process.kill(process.pid, "SIGTERM"), 500);
setTimeout(() => {
  console.log("SIGTERM did not come");
  process.kill(process.pid, "SIGKILL");
}, 3000);
END

# Starts a command with SIGTERM blocked.
blocked() {
  perl -e 'use POSIX ":signal_h";
    sigprocmask(SIG_BLOCK, POSIX::SigSet->new(SIGTERM)) or die; exec @ARGV' \
    "$@" 2>/dev/null || true
}
seen="node: $(blocked node_modules/.bin/node program.mjs)
deno: $(blocked node_modules/.bin/deno run -A program.mjs)
bun: $(blocked node_modules/.bin/bun program.mjs)"
expected='node: SIGTERM came
deno: SIGTERM did not come
bun: SIGTERM came'
echo "$(node_modules/.bin/deno --version | head -1)"
echo "$seen"
[ "$seen" = "$expected" ] || {
  echo "changed: this was seen on Deno 2.9.5:" "$expected" >&2
  exit 1
}
