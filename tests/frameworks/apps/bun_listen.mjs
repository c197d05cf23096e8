import process from "node:process";

const server = Bun.listen({
  hostname: "0.0.0.0",
  port: Number(process.env.PORT || 3000),
  socket: {
    data(socket, data) {
      const asked = data.toString() === "who\n";
      socket.write(asked ? `Hello from ${process.pid}\n` : data);
    },
  },
});
console.log(`Listening on ${server.hostname}:${server.port}`);
