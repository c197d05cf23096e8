/**
 * Opens connections, asks once on each and keeps it open, then prints as JSON
 * how many each worker has. With a gap one connection follows the answer of the
 * last one after so many ms; without, all of them come at once.
 *
 * usage: keep_alive.ts PORT CONNECTIONS GAP_MS
 */

import net from "node:net";
import process from "node:process";
import { workerIn } from "./reply.ts";

const [port, connections, gap] = process.argv.slice(2).map(Number);
const counts: Record<string, number> = {};
const waiting: Promise<void>[] = [];

for (let i = 0; i < connections!; i++) {
  const placed = place(net.connect(port!, "127.0.0.1"));
  if (gap === 0) {
    waiting.push(placed);
  } else {
    await placed;
    await new Promise((resolve) => setTimeout(resolve, gap));
  }
}
await Promise.all(waiting);
process.stdout.write(`${JSON.stringify(Object.values(counts))}\n`);
process.exit();

/** Asks who has the connection, and leaves it open. */
function place(socket: net.Socket): Promise<void> {
  return new Promise((resolve, reject) => {
    let text = "";
    socket.on("data", (bytes: Uint8Array) => {
      text += bytes;
      const worker = workerIn(text);
      if (worker === undefined) return;
      counts[worker] = (counts[worker] ?? 0) + 1;
      resolve();
    });
    socket.once("error", reject);
    socket.once("close", () => reject(new Error("the connection was cut")));
    socket.write("GET / HTTP/1.1\r\nHost: bench\r\n\r\n");
  });
}
