/**
 * Opens connections one after the other, asks once on each and keeps it open,
 * then prints as JSON how many each worker has.
 *
 * usage: keep_alive.ts PORT CONNECTIONS GAP_MS
 */

import net from "node:net";
import process from "node:process";

const [port, connections, gap] = process.argv.slice(2).map(Number);
const counts: Record<string, number> = {};

for (let i = 0; i < connections!; i++) {
  const worker = await workerOf(net.connect(port!, "127.0.0.1"));
  counts[worker] = (counts[worker] ?? 0) + 1;
  await new Promise((resolve) => setTimeout(resolve, gap));
}
process.stdout.write(`${JSON.stringify(Object.values(counts))}\n`);
process.exit();

/** The id at the end of the body; the connection stays open. */
function workerOf(socket: net.Socket): Promise<string> {
  return new Promise((resolve, reject) => {
    let text = "";
    socket.on("data", (bytes: Uint8Array) => {
      text += bytes;
      const id = /\r\n\r\n.*?(\d+)\n/s.exec(text)?.[1];
      if (id !== undefined) resolve(id);
    });
    socket.once("error", reject);
    socket.once("close", () => reject(new Error("the connection was cut")));
    socket.write("GET / HTTP/1.1\r\nHost: bench\r\n\r\n");
  });
}
