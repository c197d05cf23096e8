/**
 * Asks at a fixed rate whether answers come or not, each request on a new
 * connection, some of them for a page that burns CPU. Prints as JSON the
 * latencies of the others in ms, counted from when each was due.
 *
 * usage: open_loop.ts PORT RATE SECONDS SLOW_SHARE [HOST]
 */

import net from "node:net";
import process from "node:process";
import { createRandom } from "../../tests/random.ts";

const [port, rate, seconds, slowShare] = process.argv.slice(2).map(Number);
const [, , , , , , host = "127.0.0.1"] = process.argv;
const total = rate! * seconds!;
const cheap: number[] = [];
let sent = 0;
let open = 0;
let errors = 0;

// Every row gets the same sequence of cheap and slow requests.
const random = createRandom(42);

function ask(due: number): void {
  const slow = random.chance(slowShare!);
  const socket = net.connect(port!, host);
  let answered = false;
  open++;
  socket.write(
    `GET ${
      slow ? "/slow" : "/"
    } HTTP/1.1\r\nHost: bench\r\nConnection: close\r\n\r\n`,
  );
  socket.on("data", () => answered = true);
  socket.once("end", () => {
    if (answered && !slow) cheap.push(performance.now() - due);
  });
  socket.once("error", () => undefined);
  socket.once("close", () => {
    open--;
    if (!answered) errors++;
  });
}

const start = performance.now();
const timer = setInterval(() => {
  const now = performance.now();
  for (; sent < total && start + sent * 1000 / rate! <= now; sent++) {
    ask(start + sent * 1000 / rate!);
  }
  const late = now > start + seconds! * 1000 + 3000;
  if (sent < total || (open > 0 && !late)) return;
  clearInterval(timer);
  process.stdout.write(`${JSON.stringify({ cheap, errors, lost: open })}\n`);
  process.exit();
}, 1);
