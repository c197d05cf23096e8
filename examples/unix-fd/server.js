/** Answers on the socket whose number it is given. */
import { createServer } from "node:net";
import process from "node:process";

// "/path/of/the/socket=3": the convention of Server::Starter.
const fd = Number(process.env.SERVER_STARTER_PORT.split("=").at(-1));

const server = createServer((socket) => {
  socket.on("error", () => socket.destroy());
  // What the client says is read and ignored, else its end is never seen.
  socket.resume();
  socket.end(`Hello from ${process.pid}, in JavaScript\n`);
});
server.listen({ fd });

// Without a server to wait for, the process ends after its last answer. Ctrl-C
// reaches every process of the terminal: what it means is up to the supervisor.
process.on("SIGTERM", () => server.close());
process.on("SIGINT", () => {});
