#!/usr/bin/env bash
# The workers of `deno serve --parallel` on Deno 2.9.5 accept from one socket and
# not from a socket of each with SO_REUSEPORT: nothing spreads connections.
#
# Guess: the kernel spreads connections over the workers by a hash, since
# Deno.serve with `reusePort` does that: 200 of them about 33 : 17 over eight.
# Seen: one listening socket, which every thread has a duplicate of. Who is woken
# first gets the connection: of 200 that are kept alive and come 5 ms apart one
# worker of eight got 51 and another one 5, and of 200 at once one got 99.
#
# Needs npm, node and Linux. Exits 1 when the behaviour has changed.
set -euo pipefail
folder=$(mktemp -d)
trap 'kill "$server" 2>/dev/null || true; rm -rf "$folder"' EXIT
cd "$folder"
npm init -y >/dev/null
npm install --no-audit --no-fund --loglevel=error deno@2.9.5 >/dev/null
server=
echo 'export default { fetch: () => new Response("hello") };' >server.mjs
port=$(node -e 's = net.createServer().listen(0, "127.0.0.1", () => {
  console.log(s.address().port);
  s.close();
})')
# Not by the script of npm, whose process id is another one.
DENO_JOBS=4 node_modules/deno/deno serve --parallel --host 127.0.0.1 \
  --port "$port" server.mjs 2>said &
server=$!
for _ in $(seq 300); do
  grep -q "4 threads" said && break
  sleep 0.1
done
address=$(printf '0100007F:%04X' "$port")
inodes=$(awk -v address="$address" '$2 == address && $4 == "0A" { print $10 }' \
  /proc/net/tcp)
sockets=$(wc -w <<<"$inodes")
duplicates=$(find "/proc/$server/fd" -lname "socket:\[${inodes//$'\n'/*}\]" | wc -l)
echo "listening sockets: $sockets; descriptors of the first: $duplicates"
[ "$sockets" = 1 ] && [ "$duplicates" -ge 4 ]
