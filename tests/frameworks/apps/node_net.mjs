import net from "node:net";
import process from "node:process";

const server = net.createServer((socket) => {
  socket.on("error", () => socket.destroy());
  socket.on("data", (data) => {
    const asked = data.toString() === "who\n";
    socket.write(asked ? `Hello from ${process.pid}\n` : data);
  });
});
server.listen(process.env.PORT || 3000, () => {
  console.log("Listening on %j", server.address());
});
