import { createServer } from "node:http";
import process from "node:process";
import { WebSocketServer } from "ws";

const server = createServer((_request, response) => {
  response.end(`Hello from ${process.pid}\n`);
});
const wss = new WebSocketServer({ server });

wss.on("connection", (ws) => {
  ws.on("error", console.error);
  ws.on("message", () => ws.send(`Hello from ${process.pid}\n`));
});

server.listen(process.env.PORT || 3000, () => {
  console.log("Listening on %j", server.address());
});
