/**
 * Bound sockets through libc, for the runtimes whose own listeners accept at
 * once: what libuv's uv_tcp_bind and uv_pipe_bind do, without uv_listen.
 *
 * @module
 */

import { ipFamily } from "../../core/options/networks.ts";
import {
  AF,
  checked,
  duplicate,
  fixed,
  type Libc,
  setInheritable,
  setNonblocking,
  sizeOf,
  SO,
  SOCK,
} from "../../libc/libc.ts";
import { ipSockaddr, portOf, unixSockaddr } from "../../libc/sockaddr.ts";
import type { RawSocket, RawSockets } from "../shared/raw_socket.ts";
import { isMulticast } from "../../core/options/dgram.ts";
import { joinGroup } from "../../libc/dgram.ts";
import { type FdConnection, fdConnection } from "./connection.ts";

/** How a runtime waits for connections on a socket that listens already. */
export type Accept = (
  libc: Libc,
  fd: number,
  onFd: (fd: number) => void,
) => Disposable;

/** Streams that neither block nor are inherited: socket(2). */
const STREAM: number = SOCK.stream | SOCK.nonblock | SOCK.cloexec;

/** The same for datagrams. */
const DATAGRAMS: number = SOCK.dgram | SOCK.nonblock | SOCK.cloexec;

/** Makes sockets through libc; `accept` is the runtime's own part. */
export function ffiSockets(libc: Libc, accept: Accept): RawSockets {
  const held = (fd: number): RawSocket => rawSocket(libc, fd, accept);
  const bound = (
    family: number,
    prepare: (fd: number) => void,
    type = STREAM,
  ): RawSocket => {
    const fd = checked(libc, libc.socket(family, type, 0), "socket");
    try {
      prepare(fd);
    } catch (error) {
      libc.close(fd);
      throw error;
    }
    return held(fd);
  };
  const bindTo = (fd: number, address: Uint8Array): void => {
    checked(libc, libc.bind(fd, address, address.length), "bind");
  };
  return {
    tcp: async (host, port, { ipv6Only, reusePort }) => {
      const family = ipFamily(host) === 4 ? AF.inet : AF.inet6;
      return await bound(family, (fd) => {
        // As libuv: without it a restart waits for old connections to expire.
        setOption(libc, fd, SO.socket, SO.reuseAddr, true);
        if (reusePort) setOption(libc, fd, SO.socket, SO.reusePort, true);
        if (family === AF.inet6) {
          setOption(libc, fd, SO.ipv6, SO.v6Only, ipv6Only);
        }
        bindTo(fd, ipSockaddr(host, port));
      });
    },
    unix: async (path) =>
      await bound(AF.unix, (fd) => bindTo(fd, unixSockaddr(path))),
    udp: async (host, port, { ipv6Only, reusePort }) => {
      const family = ipFamily(host) === 4 ? AF.inet : AF.inet6;
      const group = isMulticast(host);
      return await bound(family, (fd) => {
        // Of a group each socket gets a copy, and other programs want theirs.
        if (group) setOption(libc, fd, SO.socket, SO.reuseAddr, true);
        if (reusePort) setOption(libc, fd, SO.socket, SO.reusePort, true);
        if (family === AF.inet6) {
          setOption(libc, fd, SO.ipv6, SO.v6Only, ipv6Only);
        }
        bindTo(fd, ipSockaddr(host, port));
        if (group) joinGroup(libc, fd, host);
      }, DATAGRAMS);
    },
    adoptUdp: async (fd) => {
      setInheritable(libc, fd, false);
      setNonblocking(libc, fd);
      return await held(fd);
    },
    adopt: async (given, blocks = false) => {
      // A child's own input and output have the numbers below.
      const fd = given < 3 ? duplicate(libc, given) : given;
      setInheritable(libc, fd, false);
      if (!blocks) setNonblocking(libc, fd);
      return await held(fd);
    },
  };
}

function rawSocket(libc: Libc, fd: number, accept: Accept): RawSocket {
  let open = true;
  let accepting: Disposable | undefined;
  const listen = (backlog: number): void => {
    checked(libc, libc.listen(fd, backlog), "listen");
  };
  return {
    fd,
    port: () => {
      const address = fixed(128);
      const length = sizeOf(address);
      checked(libc, libc.getsockname(fd, address, length), "getsockname");
      return portOf(address);
    },
    listen: async (backlog) => await listen(backlog),
    accept: (backlog, onConnection) => {
      listen(backlog);
      const begun = accept(libc, fd, (accepted) => {
        const connection: FdConnection = fdConnection(libc, accepted);
        onConnection(connection);
      });
      const own: Disposable = {
        [Symbol.dispose]: () => {
          if (accepting !== own) return;
          accepting = undefined;
          begun[Symbol.dispose]();
        },
      };
      return accepting = own;
    },
    rest: () => {
      accepting?.[Symbol.dispose]();
      return true;
    },
    close: () => {
      accepting?.[Symbol.dispose]();
      if (open) libc.close(fd);
      open = false;
    },
  };
}

function setOption(
  libc: Libc,
  fd: number,
  level: number,
  name: number,
  on: boolean,
): void {
  const value = fixed(4);
  value[0] = on ? 1 : 0;
  checked(libc, libc.setsockopt(fd, level, name, value, 4), "setsockopt");
}
