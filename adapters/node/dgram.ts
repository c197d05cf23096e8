/**
 * Bound datagram sockets by `node:dgram`, of which nothing is read.
 *
 * @module
 */

import dgram from "node:dgram";
import { isMulticast } from "../../core/options/dgram.ts";
import { ipFamily } from "../../core/options/networks.ts";
import { dgramState, setReceiving } from "../../handles/dgram.ts";
import type { RawSocket, TcpOptions } from "../shared/raw_socket.ts";

/** Binds one. */
export async function bindDatagrams(
  host: string,
  port: number,
  { ipv6Only, reusePort }: TcpOptions,
): Promise<RawSocket> {
  const v6 = ipFamily(host) === 6;
  const group = isMulticast(host);
  const socket = dgram.createSocket({
    type: v6 ? "udp6" : "udp4",
    reusePort,
    // Of a group each socket gets a copy, and other programs want theirs.
    reuseAddr: group,
    ipv6Only: v6 && ipv6Only,
  });
  const bound = await bind(socket, { port, address: host, exclusive: true });
  if (!group) return bound;
  try {
    const [, zone] = host.split("%");
    // Of the group's own zone libuv takes no notice (1.52).
    socket.addMembership(host, zone && `::%${zone}`);
    return bound;
  } catch (error) {
    socket.close();
    throw error;
  }
}

/** Takes over one that this process inherited. */
export async function adoptDatagrams(fd: number): Promise<RawSocket> {
  // The kind decides how it would send, which it never does.
  return await bind(dgram.createSocket("udp4"), { fd, exclusive: true });
}

/**
 * Binds without reading: it listens in the same turn of the event loop in which
 * it begins to, and what is stopped then has not been looked at.
 */
function bind(
  socket: dgram.Socket,
  options: dgram.BindOptions,
): Promise<RawSocket> {
  return new Promise((resolve, reject) => {
    const fail = (error: unknown): void => {
      try {
        socket.close();
      } catch {
        // It was not open.
      }
      reject(error);
    };
    socket.once("error", fail);
    socket.once("listening", () => {
      const fd = dgramState(socket)?.handle?.fd;
      if (!setReceiving(socket, false) || fd === undefined) {
        return fail(
          new Error("this version of Node does not show handles of node:dgram"),
        );
      }
      socket.off("error", fail).on("error", () => {});
      resolve(rawSocket(socket, fd));
    });
    socket.bind(options);
  });
}

function rawSocket(socket: dgram.Socket, fd: number): RawSocket {
  const { port } = socket.address();
  let open = true;
  return {
    fd,
    port: () => port,
    // Datagrams come without that.
    listen: () => Promise.resolve(),
    accept: () => {
      throw new Error("Cannot accept: datagrams are no connections");
    },
    rest: () => true,
    close: () => {
      if (open) socket.close();
      open = false;
    },
  };
}
