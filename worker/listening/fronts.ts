/**
 * Fronts: the net-level listeners through which connections reach a server. A
 * drain closes them and touches no connection.
 *
 * @module
 */

import net from "node:net";
import tls from "node:tls";
import type { PreforkError } from "../../core/errors.ts";
import { bypass } from "../process/bypass.ts";
import { cannot } from "../process/failures.ts";
import type { Gate } from "../filters/filter.ts";
import { type ServerKind, tlsOptionsOf } from "./kinds.ts";
import { RUNTIME } from "../process/runtime.ts";

/** Where a front accepts: options of `net.Server.listen()`. */
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
export interface Front {
  /** What accepts. */
  readonly server: net.Server;
  /** Its address, as `net.Server.address()` gives it. */
  address(): ReturnType<net.Server["address"]>;
  /** Stops accepting. Its connections live on. */
  close(): void;
}

/** True when a server of this kind must be fed with connections here. */
export function mustBeFed(kind: ServerKind): boolean {
  return !RUNTIME.httpAdopts && (kind === "http" || kind === "https");
}

/** Has the server itself accept at a place. */
export async function direct(server: net.Server, at: Place): Promise<Front> {
  await listening(server, at);
  return ownFront(server);
}

/** The front of a server that accepts itself. */
export function ownFront(server: net.Server): Front {
  return {
    server,
    address: () => server.address(),
    // `http.Server.close()` would also end connections that were accepted and
    // have not sent their request yet.
    close: () => void net.Server.prototype.close.call(server),
  };
}

/**
 * Accepts at a place and feeds the server with the connections, through the
 * gate where there is one.
 */
export async function fed(
  server: net.Server,
  kind: ServerKind,
  at: Place,
  gate?: Gate,
): Promise<Front> {
  const feed = gate?.pass ?? feederOf(server);
  const front = mustBeFed(kind) && kind === "https" && gate === undefined
    ? tls.createServer(tlsOptions(server), feed)
    : net.createServer({
      ...optionsOf(server, kind),
      ...(gate !== undefined && { pauseOnConnect: false }),
    }, feed);
  // A client that breaks off its handshake is no event of the server.
  front.on("tlsClientError", () => {});
  await listening(front, at);
  return {
    server: front,
    address: () => front.address(),
    close: () => void front.close(),
  };
}

/** What gives a server a connection that something else has accepted. */
function feederOf(server: net.Server): (socket: net.Socket) => void {
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
  gate?: Gate,
): (socket: net.Socket) => void {
  const feed = gate?.pass ?? feederOf(server);
  if (kind === "https" && mustBeFed(kind) && gate === undefined) {
    const front = tls.createServer(tlsOptions(server), feed);
    return (socket) => void front.emit("connection", socket);
  }
  const { allowHalfOpen = false, noDelay = false, pauseOnConnect = false } =
    optionsOf(server, kind);
  return (socket) => {
    // What a server tells a connection that it accepts itself: a client may
    // end its half after its request (nc(1) does), and answers go out at once.
    socket.allowHalfOpen = allowHalfOpen;
    if (noDelay) socket.setNoDelay(true);
    // A gate sees to the pause itself.
    const pause = gate === undefined && pauseOnConnect;
    if (pause) socket.pause();
    feed(socket);
    // It was accepted paused, so that nothing is read before it is here.
    if (gate === undefined && !pause && socket.isPaused()) socket.resume();
  };
}

/**
 * What an https server was made with, where it does not end TLS itself.
 *
 * @throws {PreforkError} `ERR_ATTACH` where it does not show that
 */
export function tlsOptions(server: net.Server): tls.TlsOptions {
  const options = tlsOptionsOf(server);
  if (options !== undefined) return options;
  throw noTlsOptions();
}

function noTlsOptions(): PreforkError {
  return cannot(
    "attach the https server",
    `${RUNTIME.name} ignores an inherited socket in node:https and does not show the certificate the server was made with`,
    "use http2.createSecureServer({ allowHTTP1: true, .. }) or end TLS in front of the pool",
  );
}

/** A connection must behave as if the server had accepted it itself. */
function optionsOf(server: net.Server, kind: ServerKind): net.ServerOpts {
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

function listening(server: net.Server, at: Place): Promise<void> {
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
    bypass(() => server.listen(options));
  });
}
