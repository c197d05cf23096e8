#!/usr/bin/env bash
# The signal of a Request that was made with another signal, or of another
# Request, or cloned, never aborts once the Request itself was collected, although
# somebody listens to it. AbortSignal.any() of the same signal does. Who takes
# `const { signal } = request.clone()` and lets go of the clone hears of nothing,
# sooner or later.
#
# Guess: a signal that somebody listens to lives and follows, as the standard has
# dependent signals do (DOM, "dependent abort signals"), on all runtimes alike.
# Seen on Node 26.10.0: none of the three aborts. On Deno 2.9.5 and Bun 1.4.4 all
# of them do.
#
# Needs npm. Exits 1 when the behaviour has changed.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm init -y >/dev/null
npm install --no-audit --no-fund --loglevel=error \
  node@26.10.0 deno@2.9.5 bun@1.4.4 >/dev/null

cat >signals.mjs <<'JS'
const collect = globalThis.gc ?? (() => Bun.gc(true));
const url = "http://localhost/";
const made = {
  constructed: (signal) => new Request(url, { signal }).signal,
  copied: (signal) => new Request(new Request(url, { signal })).signal,
  cloned: (signal) => new Request(url, { signal }).clone().signal,
  any: (signal) => AbortSignal.any([signal]),
};
const seen = [];
for (const [how, make] of Object.entries(made)) {
  const controller = new AbortController();
  let heard = false;
  const signal = make(controller.signal);
  signal.addEventListener("abort", () => heard = true);
  for (let i = 0; i < 3; i++) {
    await new Promise((resolve) => setTimeout(resolve, 20));
    collect();
  }
  controller.abort();
  seen.push(`${how} ${heard && signal.aborted ? "aborts" : "does not"}`);
}
console.log(seen.join(", "));
JS

bin=./node_modules/.bin
seen="node: $(timeout 60 $bin/node --expose-gc signals.mjs)
deno: $(timeout 60 $bin/deno run -A --v8-flags=--expose-gc signals.mjs)
bun: $(timeout 60 $bin/bun signals.mjs)"
expected='node: constructed does not, copied does not, cloned does not, any aborts
deno: constructed aborts, copied aborts, cloned aborts, any aborts
bun: constructed aborts, copied aborts, cloned aborts, any aborts'
echo "$seen"
[ "$seen" = "$expected" ] || {
  echo "changed: this was seen:" "$expected" >&2
  exit 1
}
