/**
 * Opens new connections at a fixed rate whether answers come or not, as many at
 * a time as that takes, and asks once on each. Prints as JSON how many were
 * answered, how many were not, and how many seconds all of it took.
 *
 * wrk knows no rate, and its few connections would wait for a slow server: the
 * rate would be the server's.
 *
 * usage: fixed_rate.ts PORT RATE SECONDS
 */

import net from "node:net";
import process from "node:process";

/** The most connections at a time: with more the pool does not keep up. */
const MOST_OPEN = 4000;

/** How long the last answers may take, in ms. */
const PATIENCE_MS = 3000;

const REQUEST = "GET / HTTP/1.1\r\nHost: bench\r\nConnection: close\r\n\r\n";

const [port, rate, seconds] = process.argv.slice(2).map(Number);
const total = rate! * seconds!;
let sent = 0;
let open = 0;
let answered = 0;
let errors = 0;

function ask(): void {
  const socket = net.connect(port!, "127.0.0.1");
  let heard = false;
  open++;
  sent++;
  socket.write(REQUEST);
  socket.on("data", () => heard = true);
  socket.once("error", () => undefined);
  socket.once("close", () => {
    open--;
    if (heard) answered++;
    else errors++;
  });
}

const start = performance.now();
const timer = setInterval(() => {
  const now = performance.now() - start;
  const due = Math.min(total, now / 1000 * rate!);
  while (sent < due && open < MOST_OPEN) ask();
  const late = now > seconds! * 1000 + PATIENCE_MS;
  if (!late && (sent < total || open > 0)) return;
  clearInterval(timer);
  const result = { answered, errors: errors + open, seconds: now / 1000 };
  process.stdout.write(`${JSON.stringify(result)}\n`);
  process.exit();
}, 1);
