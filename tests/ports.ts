/** Ports of this machine, taken and free. */

import dgram from "node:dgram";
import { once } from "node:events";
import net from "node:net";

/** A server on a port of its own, and the port. */
export async function holder(): Promise<{ port: number } & AsyncDisposable> {
  const server = net.createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as net.AddressInfo;
  return {
    port,
    async [Symbol.asyncDispose]() {
      server.close();
      await once(server, "close");
    },
  };
}

/** A port that was free a moment ago. */
export async function freePort(): Promise<number> {
  await using held = await holder();
  return held.port;
}

/** The same of UDP. */
export async function freeUdpPort(): Promise<number> {
  const socket = dgram.createSocket("udp4").bind(0, "127.0.0.1");
  await once(socket, "listening");
  const { port } = socket.address();
  socket.close();
  return port;
}
