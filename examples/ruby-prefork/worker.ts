/** Accepts on the socket it inherited and says who it is. */
import { createServer } from "node:net";
import process from "node:process";
import { attach, listen } from "../../worker.ts";

const { slot } = attach();
const server = createServer((socket) => {
  // A client that breaks off is no reason for a worker to end.
  socket.on("error", () => socket.destroy());
  // What the client says is read and ignored, else its end is never seen.
  socket.resume();
  socket.end(`Hello from ${process.pid}\n`);
});
const { address } = await listen(server);
console.log(`Worker ${process.pid} in slot ${slot} has ${address}`);
