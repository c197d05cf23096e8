#!/usr/bin/env bash
# bpf(2) of Linux 6.18.44 and the profiler of Bun 1.4.4: a program that the kernel has
# always taken is refused while one samples.
#
# Guess: bpf(BPF_PROG_LOAD) says the same of the same program each time.
# Seen: with `bun --cpu-prof`, which interrupts a thread by a signal each
# millisecond, a part of the calls fails with EAGAIN: the verifier looks whether
# a signal waits, and stops half-way. bpf(2) does not list it; libbpf loads up to
# five times. The longer the program, the more of them fail: of one with 4,000
# instructions 30 to 79 in a hundred.
#
# Needs npm, and root. Exits 1 when the behaviour has changed.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm init -y >/dev/null
npm install --no-audit --no-fund --loglevel=error bun@1.4.4 >/dev/null

cat >load.mjs <<'EOF'
import { dlopen, ptr, read } from "bun:ffi";
import { constants } from "node:os";

const number = { x64: 321, arm64: 280 }[process.arch];
const { symbols: libc } = dlopen("libc.so.6", {
  syscall: { args: ["i64", "i64", "i64", "i64"], returns: "i64_fast" },
  __errno_location: { args: [], returns: "ptr" },
  close: { args: ["i32"], returns: "i32" },
});
const MOVE_TO_R0 = 0xb7, EXIT = 0x95, SOCKET_FILTER = 1, PROG_LOAD = 5;
const program = new Uint8Array(4001 * 8);
for (let at = 0; at < program.length; at += 8) program[at] = MOVE_TO_R0;
program[program.length - 8] = EXIT;
const licence = new TextEncoder().encode("MIT\0");
const attributes = new DataView(new ArrayBuffer(128));
attributes.setUint32(0, SOCKET_FILTER, true);
attributes.setUint32(4, program.length / 8, true);
attributes.setBigUint64(8, BigInt(ptr(program)), true);
attributes.setBigUint64(16, BigInt(ptr(licence)), true);

const seen = {};
for (let i = 0; i < 1000; i++) {
  const fd = libc.syscall(number, PROG_LOAD, ptr(attributes.buffer), 128);
  const error = fd < 0 ? read.i32(libc.__errno_location(), 0) : 0;
  const name = fd < 0
    ? Object.entries(constants.errno).find(([, value]) => value === error)[0]
    : "loaded";
  seen[name] = (seen[name] ?? 0) + 1;
  if (fd >= 0) libc.close(Number(fd));
}
console.error(JSON.stringify(seen));
console.log(Object.keys(seen).sort().join(" and "));
process.exit();
EOF

bun=node_modules/.bin/bun
plain=$($bun load.mjs)
profiled=$($bun --cpu-prof --cpu-prof-dir=profiles load.mjs)
seen="plain: $plain; profiled: $profiled"
echo "$seen"
[ "$seen" = "plain: loaded; profiled: EAGAIN and loaded" ] || {
  echo "changed: one was loaded each time, and with the profiler some were not" >&2
  exit 1
}
