// Answers each datagram with its pid, after so many microseconds of work.
import dgram from "node:dgram";
import process from "node:process";

const [port, work] = process.argv.slice(2).map(Number);
const socket = dgram.createSocket("udp4");
socket.on("message", (_, { address, port }) => {
  const end = performance.now() + work / 1000;
  while (performance.now() < end);
  socket.send(String(process.pid), port, address);
});
socket.bind(port, "127.0.0.1", () => console.error("prefork ready "));
