/**
 * What accepts connections for a server: itself, or a listener of `node:net`
 * that feeds it. A drain closes these and touches no connection.
 *
 * @module
 */

import net from "node:net";
import process from "node:process";
import type { NodeHandle } from "../../handles/types.ts";
import { bypass } from "../process/bypass.ts";
import type { Filter } from "../filters/filter.ts";
import { admitting, type ConnectionLimit } from "./limit.ts";
import {
  mustBeFed,
  type ServerKind,
  tlsOptions,
} from "../process/server_kind.ts";

/** Where an acceptor accepts: options of `net.Server.listen()`. */
export type Place =
  /** An inherited socket. */
  | { readonly fd: number; readonly backlog: number }
  /** A TCP address. */
  | {
    readonly host?: string;
    readonly port: number;
    readonly backlog: number;
    readonly ipv6Only: boolean;
    readonly reusePort?: boolean;
  }
  /** The path of a Unix socket. */
  | { readonly path: string; readonly backlog: number };

/** A net-level listener. */
export interface Acceptor {
  /** What accepts. */
  readonly server: net.Server;
  /** Resolves when it accepts, or was closed before that. */
  readonly started: Promise<void>;
  /** Its address, as `net.Server.address()` gives it. */
  address(): ReturnType<net.Server["address"]>;
  /** Stops accepting. Its connections live on. */
  close(): void;
}

/** Has the server itself accept at a place. */
export function direct(server: net.Server, at: Place): Acceptor {
  return {
    server,
    started: untilListening(server, at),
    address: () => server.address(),
    // `http.Server.close()` would also end connections that were accepted and
    // have not sent their request yet.
    close: () => void net.Server.prototype.close.call(server),
  };
}

/** Gives a connection away. */
export type Feed = (socket: net.Socket) => void;

/**
 * Accepts at a place and feeds the server with the connections, through the
 * filter where there is one.
 *
 * @param limit how many there may be
 * @param feed gives the server a connection that has passed
 */
export function fed(
  server: net.Server,
  kind: ServerKind,
  at: Place,
  limit: ConnectionLimit,
  filter?: Filter,
  feed: Feed = filter?.pass ?? feederOf(server),
): Acceptor {
  const endsTls = mustBeFed(kind) && kind === "https" && filter === undefined;
  const acceptor = endsTls ? createTlsServer(server, feed) : net.createServer({
    ...socketOptionsOf(server, kind),
    ...(filter !== undefined && { pauseOnConnect: false }),
  }, admitting(limit, feed));
  // Those that shake hands are held as well.
  if (endsTls) acceptor.prependListener("connection", limit.count);
  // A client that breaks off its handshake is no event of the server.
  acceptor.on("tlsClientError", () => {});
  return {
    server: acceptor,
    started: untilListening(acceptor, at),
    address: () => acceptor.address(),
    close: () => void acceptor.close(),
  };
}

/**
 * The descriptor that a server listens on. Undocumented; seen on Node 22.12 and
 * 26.10 and on Bun 1.4.4, and not on Deno 2.9.5.
 */
export function descriptorOf(server: net.Server): number | undefined {
  const { _handle } = server as unknown as {
    readonly _handle?: Partial<NodeHandle> | null;
  };
  return _handle?.fd;
}

/** Ends TLS in the place of an https server. */
function createTlsServer(
  server: net.Server,
  feed: Feed,
): net.Server {
  const tls = process.getBuiltinModule("node:tls");
  return tls.createServer(tlsOptions(server), feed);
}

/** What gives a server a connection that something else has accepted. */
export function feederOf(server: net.Server): Feed {
  return (socket) => void server.emit("connection", socket);
}

/**
 * What gives a server a raw connection that the supervisor has accepted.
 *
 * @throws {PreforkError} `ERR_ATTACH` where that is not possible
 */
export function takerOf(
  server: net.Server,
  kind: ServerKind,
  filter?: Filter,
): Feed {
  const feed = filter?.pass ?? feederOf(server);
  if (kind === "https" && mustBeFed(kind) && filter === undefined) {
    const acceptor = createTlsServer(server, feed);
    return (socket) => void acceptor.emit("connection", socket);
  }
  const { allowHalfOpen = false, noDelay = false, pauseOnConnect = false } =
    socketOptionsOf(server, kind);
  return (socket) => {
    // What a server tells a connection that it accepts itself: a client may
    // end its half after its request (nc(1) does), and answers go out at once.
    socket.allowHalfOpen = allowHalfOpen;
    if (noDelay) socket.setNoDelay(true);
    // A filter sees to the pause itself.
    const pause = filter === undefined && pauseOnConnect;
    if (pause) socket.pause();
    feed(socket);
    // It was accepted paused, so that nothing is read before it is here.
    if (filter === undefined && !pause && socket.isPaused()) socket.resume();
  };
}

/** What a server keeps of its connections. */
interface ConnectionCount {
  _connections?: number;
  readonly _emitCloseIfDrained?: unknown;
}

/**
 * Has a server that listens itself count a connection that it has not accepted:
 * its "close" waits for it then.
 *
 * Undocumented members; the same on Node 22.12 and 26.10, Deno 2.9.5 and Bun
 * 1.4.4. Without them nothing is counted, which a drain does not depend on.
 */
export function countAsOwn(server: net.Server, socket: net.Socket): void {
  const keeper = server as net.Server & ConnectionCount;
  if (
    typeof keeper._connections !== "number" ||
    typeof keeper._emitCloseIfDrained !== "function"
  ) return;
  keeper._connections++;
  Object.assign(socket, { server, _server: server });
}

/** A connection must behave as if the server had accepted it itself. */
function socketOptionsOf(server: net.Server, kind: ServerKind): net.ServerOpts {
  // Undocumented properties of net.Server since Node 0.10; where one is
  // missing, what the constructors of http, https and http2 set.
  const { allowHalfOpen, pauseOnConnect, noDelay } = server as
    & net.Server
    & {
      readonly allowHalfOpen?: boolean;
      readonly pauseOnConnect?: boolean;
      readonly noDelay?: boolean;
    };
  return {
    allowHalfOpen: kind === "net" ? allowHalfOpen ?? false : true,
    pauseOnConnect: pauseOnConnect ?? false,
    noDelay: kind === "net" ? noDelay ?? false : true,
  };
}

function untilListening(server: net.Server, at: Place): Promise<void> {
  return new Promise((resolve, reject) => {
    const settle = (): void => {
      server.off("error", onError);
      server.off("listening", settle);
      server.off("close", settle);
      resolve();
    };
    const onError = (error: Error): void => {
      reject(error);
      settle();
    };
    server.once("error", onError);
    server.once("listening", settle);
    // A program may close it before the runtime has said that it listens.
    server.once("close", settle);
    // Exclusive: inside node:cluster the cluster's own sharing would get it.
    const options: net.ListenOptions = { ...at, exclusive: true };
    try {
      bypass(() => server.listen(options));
    } catch (error) {
      // Node throws at once what it does not allow (26.10).
      onError(error as Error);
    }
  });
}
