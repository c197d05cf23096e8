/**
 * What the three runtimes do differently for a worker, as data: the one place
 * to edit when a runtime learns something. Each line was seen to be so on the
 * version named beside it.
 *
 * @module
 */

import process from "node:process";
import type { RuntimeName } from "../../core/adapter.ts";

/** What one runtime does differently. */
export interface RuntimeTraits {
  /** Its name. */
  readonly name: RuntimeName;
  /**
   * True when `http.Server` and `https.Server` are `net.Server`s that take an fd
   * over. On Bun 1.4.4 they are wrappers around `Bun.serve`, ignore `fd` and
   * `reusePort` in silence and listen on a random port.
   */
  readonly httpTakesFd: boolean;
  /**
   * True when `node:http` closes the connection after each response unless
   * `server.listening` is true (Deno 2.9.5, `resOnFinish`). That would end
   * keep-alive connections that are fed, or that outlive their listener.
   */
  readonly httpChecksListening: boolean;
  /**
   * True when pausing a request of a fed `node:http` server does not stop the
   * reading of its connection (Bun 1.4.4): a body that nobody reads would grow
   * in memory without end.
   */
  readonly httpIgnoresPause: boolean;
  /**
   * True when "disconnect" does not always come when the supervisor is killed:
   * Deno 2.9.5 misses it when something of the worker's was still unread.
   */
  readonly missesDisconnect: boolean;
  /**
   * True when the teardown of a `node:http2` session has to wait for the next
   * turn of the event loop: at once it can crash the process (Deno 2.9.5,
   * denoland/deno#36788).
   */
  readonly http2NeedsLateTeardown: boolean;
  /**
   * True when a `net.Server` calls back for each connection before it accepts
   * the next one (Bun 1.4.4), so that it can be stopped between two of them. It
   * shows handles as Node and Deno do, but they cannot be passed on: the event
   * loop reads from them already.
   */
  readonly acceptsOneByOne: boolean;
  /**
   * True when `maxConnections` of 0 is no limit (Deno 2.9.5); to Node 22.12 and
   * Bun 1.4.4 it means none at all.
   */
  readonly zeroIsNoLimit: boolean;
  /**
   * True when the runtime itself serves a main module whose default export has
   * a `fetch` (Bun 1.4.4, through `Bun.serve`).
   */
  readonly servesExport: boolean;
  /** True when SIGUSR1 opens the debugger's port; it ends Bun 1.4.4. */
  readonly debugsBySignal: boolean;
  /**
   * True when `performance.eventLoopUtilization()` measures. Deno 2.9.5 and Bun
   * 1.4.4 have it, and it is 0 there whatever the event loop does.
   */
  readonly measuresLoop: boolean;
  /**
   * How a socket of `node:dgram` reads the pool's, and stops without closing it:
   * by its handle (Node), by its place on the epoll list, for want of a word
   * (Bun 1.4.4), or by a handle of ours, as it takes no descriptor (Deno 2.9.5).
   */
  readonly dgramBy: "handle" | "watch" | "libc";
}

const TABLE: Readonly<Record<RuntimeName, RuntimeTraits>> = {
  node: {
    name: "node",
    httpTakesFd: true,
    httpChecksListening: false,
    httpIgnoresPause: false,
    missesDisconnect: false,
    http2NeedsLateTeardown: false,
    acceptsOneByOne: false,
    zeroIsNoLimit: false,
    servesExport: false,
    debugsBySignal: true,
    measuresLoop: true,
    dgramBy: "handle",
  },
  deno: {
    name: "deno",
    httpTakesFd: true,
    httpChecksListening: true,
    httpIgnoresPause: false,
    missesDisconnect: true,
    http2NeedsLateTeardown: true,
    acceptsOneByOne: false,
    zeroIsNoLimit: true,
    servesExport: false,
    debugsBySignal: true,
    measuresLoop: false,
    dgramBy: "libc",
  },
  bun: {
    name: "bun",
    httpTakesFd: false,
    httpChecksListening: false,
    httpIgnoresPause: true,
    missesDisconnect: false,
    http2NeedsLateTeardown: false,
    acceptsOneByOne: true,
    zeroIsNoLimit: false,
    servesExport: true,
    debugsBySignal: false,
    measuresLoop: false,
    dgramBy: "watch",
  },
};

/** The runtime that this process runs on. */
export const RUNTIME: RuntimeTraits = TABLE[
  process.versions["bun"] !== undefined
    ? "bun"
    : process.versions["deno"] !== undefined
    ? "deno"
    : "node"
];
