import { createServer } from "node:http";
import process from "node:process";
import { Server } from "socket.io";

const httpServer = createServer((_request, response) => {
  response.end(`Hello from ${process.pid}\n`);
});
const io = new Server(httpServer);

io.on("connection", (socket) => {
  socket.on("who", (answer) => answer(`Hello from ${process.pid}\n`));
});

httpServer.listen(process.env.PORT || 3000, () => {
  console.log("Listening on %j", httpServer.address());
});
