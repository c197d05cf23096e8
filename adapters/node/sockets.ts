/**
 * Bound sockets by Node's own means.
 *
 * @module
 */

import { spawn } from "node:child_process";
import net from "node:net";
import process from "node:process";
import util from "node:util";
import type { Connection } from "../../core/adapter/connection.ts";
import { ipFamily } from "../../core/options/networks.ts";
import { takeHandles } from "../../handles/accepted.ts";
import { checked, duplicate } from "../../libc/libc.ts";
import { libcHere } from "../../libc/open.ts";
import { readHandle } from "./head_reader.ts";
import type {
  RawSocket,
  RawSockets,
  TcpOptions,
} from "../shared/raw_socket.ts";
import type {
  AcceptedHandle,
  CreateServerHandle,
  NodeHandle,
} from "../../handles/types.ts";

/** A connection that Node accepted. */
export interface NodeConnection extends Connection {
  /** The connection as Node's handle, of which nothing was read. */
  readonly handle: AcceptedHandle;
  /** The same as a socket; made when it is first asked for. */
  socket(): net.Socket;
  /** True once it was closed here. */
  closed(): boolean;
}

/** A socket that is bound and that `net.Server` can listen on. */
interface Bound {
  readonly fd: number;
  readonly port: number;
  readonly target: object;
  close(): void;
}

/** Makes sockets with Node. */
export const nodeSockets: RawSockets = {
  tcp: async (host, port, options) =>
    await rawSocket(bindTcp(host, port, options)),
  unix: async (path) => await rawSocket(bindPath(path)),
  // Loaded where there is such a listener alone.
  udp: async (...at) => await (await import("./dgram.ts")).bindDatagrams(...at),
  adoptUdp: async (fd) => await (await import("./dgram.ts")).adoptDatagrams(fd),
  adopt: async (fd) => await rawSocket(adopt(fd)),
};

/** What `net.BoundSocket` (since 26.4) is told. */
type BoundOptions =
  | { host: string; port: number; ipv6Only: boolean; reusePort: boolean }
  | { path: string };

const members = net as unknown as {
  readonly BoundSocket?: new (options: BoundOptions) => {
    fd(): number;
    address(): string | { port: number };
    close(): void;
  };
  readonly _createServerHandle?: CreateServerHandle;
};

function bindTcp(host: string, port: number, options: TcpOptions): Bound {
  const v6 = ipFamily(host) === 6;
  const ipv6Only = v6 && options.ipv6Only;
  if (members.BoundSocket !== undefined) {
    return withBoundSocket({ host, port, ...options, ipv6Only });
  }
  // UV_TCP_IPV6ONLY and UV_TCP_REUSEPORT of uv.h
  const flags = (ipv6Only ? 1 : 0) | (options.reusePort ? 2 : 0);
  const handle = createHandle(host, port, v6 ? 6 : 4, flags);
  const name: { port?: number } = {};
  // libuv tells only here that the address is in use.
  const status = handle.getsockname?.(name) ?? 0;
  if (status !== 0) {
    handle.close();
    throw uvError(status, "bind");
  }
  return withHandle(handle, name.port ?? port);
}

function bindPath(path: string): Bound {
  return members.BoundSocket !== undefined
    ? withBoundSocket({ path })
    : withHandle(createHandle(path, -1, -1, 0), 0);
}

function withBoundSocket(options: BoundOptions): Bound {
  const bound = new members.BoundSocket!(options);
  const address = bound.address();
  return {
    fd: bound.fd(),
    port: typeof address === "string" ? 0 : address.port,
    target: bound,
    close: () => bound.close(),
  };
}

function withHandle(handle: NodeHandle, port: number): Bound {
  return { fd: handle.fd, port, target: handle, close: () => handle.close() };
}

function createHandle(
  address: string,
  port: number,
  family: 4 | 6 | -1,
  flags: number,
): NodeHandle {
  if (members._createServerHandle === undefined) {
    throw new Error(
      "this version of Node has neither net.BoundSocket nor net._createServerHandle",
    );
  }
  const made = members._createServerHandle(
    address,
    port,
    family,
    undefined,
    flags,
  );
  if (typeof made === "number") throw uvError(made, "bind");
  return made;
}

/** Opening it as a socket sets O_NONBLOCK; nothing is read from it. */
function adopt(fd: number): Bound {
  const libc = fd < 3 ? libcHere() : undefined;
  // Where it stays below 3, it is found there by whoever reads its input.
  if (libc !== undefined) return adopt(duplicate(libc, fd));
  const socket = new net.Socket({ fd, pauseOnCreate: true } as { fd: number });
  return { fd, port: 0, target: socket, close: () => void socket.destroy() };
}

function rawSocket(first: Bound): RawSocket {
  let bound = first;
  let server: net.Server | undefined;
  let deliver: ((connection: Connection) => void) | undefined;
  let late: NodeConnection[] = [];
  let open = true;
  const start = (backlog: number): net.Server =>
    acceptRaw(
      net.createServer().on("error", () => undefined)
        .listen(bound.target, backlog),
      (handle) => {
        const connection = nodeConnection(handle);
        if (deliver === undefined) late.push(connection);
        else deliver(connection);
      },
    );
  return {
    get fd() {
      return bound.fd;
    },
    port: () => first.port,
    listen: (backlog) => listenOnly(bound.fd, backlog),
    accept: (backlog, onConnection) => {
      deliver = onConnection;
      server ??= start(backlog);
      for (const connection of late) onConnection(connection);
      late = [];
      return {
        // libuv cannot stop accepting without closing the socket. What comes
        // from now on waits here as it would have in the kernel's queue.
        [Symbol.dispose]: () => {
          if (deliver === onConnection) deliver = undefined;
        },
      };
    },
    // libuv stops with what it accepts on: a copy stays.
    rest: () => {
      const libc = libcHere();
      if (server === undefined || !open) return true;
      if (libc === undefined) return false;
      const copy = adopt(duplicate(libc, bound.fd));
      server.close();
      server = undefined;
      bound = copy;
      return true;
    },
    close: () => {
      if (!open) return;
      open = false;
      for (const connection of late) connection.close();
      if (server === undefined) bound.close();
      else server.close();
    },
  };
}

/** Has a server give away everything that it accepts. */
function acceptRaw(
  server: net.Server,
  take: (handle: AcceptedHandle) => void,
): net.Server {
  if (takeHandles(server, { wants: () => true, left: () => {}, take })) {
    return server;
  }
  throw new Error("this version of Node does not show accepted handles");
}

/** Wraps an accepted connection. */
export function nodeConnection(handle: AcceptedHandle): NodeConnection {
  let socket: net.Socket | undefined;
  let closed = false;
  return {
    handle,
    closed: () => closed,
    get peer() {
      // A pipe has no such member, and a client that is gone no address.
      const out: { address?: string } = {};
      handle.getpeername?.(out);
      return out.address;
    },
    // Node waits for bytes only by reading them.
    peeks: false,
    read(limit, reader) {
      const reading = readHandle(handle, limit, reader);
      socket = reading.socket;
      return reading;
    },
    socket() {
      const options: object = { handle, pauseOnCreate: true };
      socket ??= new net.Socket(options).on("error", () => undefined);
      return socket;
    },
    close() {
      if (closed) return;
      closed = true;
      if (socket === undefined) handle.close();
      else socket.destroy();
    },
  };
}

/** Calls listen(2) without accepting: by libc where it can be called. */
async function listenOnly(fd: number, backlog: number): Promise<void> {
  const libc = libcHere();
  if (libc === undefined) return await listenElsewhere(fd, backlog);
  checked(libc, libc.listen(fd, backlog), "listen");
}

/**
 * Calls listen(2) in a process of its own. Node has no way to listen without
 * accepting, but whether a socket listens belongs to the open file
 * description, which a child shares (listen(2), fork(2)). The child leaves
 * before its event loop could accept anything.
 */
function listenElsewhere(fd: number, backlog: number): Promise<void> {
  const program = `const server = require("node:net").createServer()
    .on("error", (error) => process.exit(-error.errno))
    .listen({ fd: 3, backlog: ${backlog} });
    if (server.listening) process.exit(0);`;
  return new Promise((resolve, reject) => {
    spawn(process.execPath, ["-e", program], {
      stdio: ["ignore", "ignore", "ignore", fd],
      env: { ...process.env, NODE_OPTIONS: "" },
    }).once("error", reject).once("exit", (code, signal) => {
      if (code === 0) resolve();
      else if (code !== null) reject(uvError(-code, "listen"));
      else reject(new Error(`listen failed: its process got ${signal}`));
    });
  });
}

function uvError(status: number, call: string): Error {
  const code = util.getSystemErrorName(status);
  return Object.assign(new Error(`${call} failed: ${code}`), { code });
}
