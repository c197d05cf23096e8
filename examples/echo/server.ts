/** Sends every byte back to where it came from. */
import { createServer } from "node:net";
import process from "node:process";
import { listen } from "../../worker.ts";

const server = createServer((socket) => {
  console.log(`Worker ${process.pid} has a client`);
  // A client that breaks off is no reason for a worker to end.
  socket.on("error", () => socket.destroy());
  socket.pipe(socket);
});

await listen(server);
