#!/usr/bin/env bash
# A program on Deno 2.9.5 with 32 FFI calls that wait can make no call more that
# waits: neither the 33rd of its own nor a read of a file.
#
# Guess: a "nonblocking" function of Deno.dlopen() waits in a thread of its own,
# as many as there are calls.
# Seen: with 31 calls of poll(2) under way a file is read, with 32 it is not, and
# nothing says so; it is read once one of the 32 has returned.
#
# Needs npm and Linux with glibc. Exits 1 when the behaviour has changed.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm init -y >/dev/null
npm install --no-audit --no-fund --loglevel=error deno@2.9.5 >/dev/null
PATH="$folder/node_modules/.bin:$PATH"
deno --version >/dev/null

cat >waits.mjs <<'EOF'
const { symbols: { poll } } = Deno.dlopen("libc.so.6", {
  poll: {
    parameters: ["usize", "usize", "i32"],
    result: "i32",
    nonblocking: true,
  },
});

/** True when a file is read while so many calls wait for two seconds. */
async function readsBeside(count) {
  const calls = Array.from({ length: count }, () => poll(0n, 0n, 2000));
  const read = Deno.readTextFile("package.json").then(() => true);
  const late = new Promise((resolve) => setTimeout(resolve, 1000, false));
  const first = await Promise.race([read, late]);
  await Promise.all([...calls, read]);
  return first;
}

console.log(`31: ${await readsBeside(31)}, 32: ${await readsBeside(32)}`);
EOF

seen=$(deno run -A waits.mjs)
echo "$seen"
[ "$seen" = "31: true, 32: false" ]
