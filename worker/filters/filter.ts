/**
 * The filter of a listener: what a connection has to pass before a server sees
 * it. It says whose it is by the PROXY protocol, then it shakes hands for TLS.
 *
 * @module
 */

import { Buffer } from "node:buffer";
import type { Socket } from "node:net";
import process from "node:process";
import type { TLSSocket } from "node:tls";
import type { ProxyVersion } from "../../core/options/listener_features.ts";
import {
  parseProxyHead,
  type ProxySource,
} from "../../core/handoff/proxy_protocol.ts";

/**
 * How long a connection has for its PROXY header, in ms. The specification
 * wants at least 3 s, which covers a lost TCP segment.
 */
const PROXY_HEAD_MS = 5000;

/**
 * How long a client has for its TLS handshake, in ms: well below the time that
 * a drain has by default, which waits for it.
 */
const HANDSHAKE_MS = 10_000;

/** Options of a TLS connection at the server's end. */
export type TlsEnd = ConstructorParameters<typeof TLSSocket>[1];

/** What a filter asks of a connection. */
export interface FilterPlan {
  /** The PROXY header, unless it has none. */
  readonly proxy?: {
    /** Which versions. */
    readonly version: ProxyVersion;
    /** True when this peer may send a header. */
    trusts(peer: Socket): boolean;
  };
  /** The options for the next TLS connection, unless it has none. */
  readonly tls?: () => TlsEnd;
  /** True when the server wants its connections paused. */
  readonly pause: boolean;
}

/** A filter. */
export interface Filter {
  /** Lets a connection in; when it has passed, the server gets it. */
  pass(raw: Socket): void;
}

/**
 * Makes a filter in front of what takes the connections.
 *
 * @param waiting holds the connections that are not through yet
 */
export function createFilter(
  plan: FilterPlan,
  feed: (socket: Socket) => void,
  waiting: Set<Socket>,
): Filter {
  const hand = (socket: Socket): void => {
    if (plan.pause) socket.pause();
    feed(socket);
  };
  const secure = (raw: Socket, source: ProxySource | undefined): void => {
    // One that the supervisor handed over was accepted paused.
    const held = raw.isPaused();
    if (plan.tls === undefined) {
      waiting.delete(raw);
      if (source !== undefined) showSource(raw, source);
      hand(raw);
      if (held && !plan.pause) raw.resume();
      return;
    }
    // A client that breaks off its handshake is no event of the server, and
    // an error after it is one of the TLS connection.
    raw.on("error", () => {});
    // Who ends its half cannot shake hands, also when the end has come with
    // the PROXY header; TLS alone would wait for it.
    const cut = (): void => void raw.destroy();
    raw.once("end", cut);
    if (plan.proxy !== undefined) raw.read(0);
    const { TLSSocket } = process.getBuiltinModule("node:tls");
    const socket = new TLSSocket(raw, plan.tls());
    const timer = setTimeout(cut, HANDSHAKE_MS);
    raw.once("close", () => clearTimeout(timer));
    // As node:tls does with the connections of its servers.
    socket.on("error", () => socket.destroy());
    socket.once("end", cut);
    socket.once("secure", () => {
      clearTimeout(timer);
      raw.off("end", cut);
      socket.off("end", cut);
      waiting.delete(raw);
      if (socket.destroyed) return;
      // What node:tls does for the connections of its servers; node:http2
      // waits for it on Node 22.12 and 26.10, and on Deno 2.9.5.
      Object.assign(socket, { secureConnecting: false });
      if (source !== undefined) showSource(socket, source);
      hand(socket);
    });
    if (held) raw.resume();
  };
  return {
    pass(raw) {
      waiting.add(raw);
      raw.once("close", () => waiting.delete(raw));
      if (plan.proxy === undefined) return secure(raw, undefined);
      if (!plan.proxy.trusts(raw)) return void raw.destroy();
      readHead(raw, plan.proxy.version, (source) => secure(raw, source));
    },
  };
}

/**
 * Reads the PROXY header and nothing behind it, or closes the connection. By
 * "readable", not by "data": what was read too much can only be put back while
 * the connection does not flow.
 */
function readHead(
  raw: Socket,
  version: ProxyVersion,
  done: (source: ProxySource | undefined) => void,
): void {
  const chunks: Uint8Array[] = [];
  const refuse = (): void => void raw.destroy();
  const timer = setTimeout(refuse, PROXY_HEAD_MS);
  const stop = (): void => {
    clearTimeout(timer);
    raw.off("readable", read);
    raw.off("end", refuse);
    raw.off("error", refuse);
    raw.off("close", stop);
  };
  const read = (): void => {
    for (let chunk = take(raw); chunk !== null; chunk = take(raw)) {
      chunks.push(chunk);
      const bytes = chunks.length === 1 ? chunk : Buffer.concat(chunks);
      const head = parseProxyHead(bytes, version);
      if (head.kind === "part") continue;
      stop();
      if (head.kind === "bad") return refuse();
      if (bytes.length > head.length) raw.unshift(bytes.slice(head.length));
      // In the next tick the stream has forgotten that it was read by hand.
      process.nextTick(() => {
        if (!raw.destroyed) done(head.source);
      });
      return;
    }
  };
  raw.on("readable", read);
  raw.once("end", refuse);
  raw.once("error", refuse);
  raw.once("close", stop);
}

/**
 * What has come, by its exact length: read() without one would have the stream
 * emit "end" when that was all, before the server is there to hear it.
 */
function take(raw: Socket): Uint8Array | null {
  const { readableLength } = raw;
  return readableLength > 0 ? raw.read(readableLength) : raw.read();
}

/** Has a connection show the client instead of its peer. */
export function showSource(socket: Socket, source: ProxySource): void {
  Object.defineProperties(socket, {
    remoteAddress: { value: source.address, configurable: true },
    remotePort: { value: source.port, configurable: true },
    remoteFamily: { value: source.family, configurable: true },
  });
}
