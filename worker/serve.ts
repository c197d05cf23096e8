/**
 * `serve()`: serves a fetch handler on the pool's listener.
 *
 * @module
 */

import type { Server } from "node:http";
import process from "node:process";
import { messageOf } from "../core/errors.ts";
import { inherit } from "./inherit.ts";
import { isLearning } from "./listening/learning.ts";
import { standaloneSpec } from "./listening/standalone.ts";
import { chooseListener } from "./listening/choice.ts";
import { feedProbe } from "./listening/probe.ts";
import { attachedCore } from "./attach.ts";
import type { ErrorHandler, FetchHandler } from "./fetch/handler.ts";
import type { Native } from "./native.ts";
import { RUNTIME } from "./process/runtime.ts";
import type { Attachment } from "./process/worker_core.ts";
import {
  listen,
  type ListenInfo,
  type ListenOptions,
  occupy,
} from "./listen.ts";

/** Where and how a handler is served. */
export interface ServeOptions extends ListenOptions {
  /**
   * Answers a request whose handler threw. Writes the error to stderr and
   * answers 500 with a plain body unless given.
   */
  readonly onError?: ErrorHandler | undefined;
}

/**
 * Nobody but the bridge reads the requests: one that has no body need not be a
 * stream that ends. Node 26.10 knows the option; Node 22.12 and Deno's types
 * (2.9.5) do not.
 */
const UNREAD: object = { optimizeEmptyRequests: true };

/**
 * Serves a fetch handler on the listener of the pool and resolves once it
 * accepts. Without a pool it listens on `options.address` itself. Calls
 * `attach()`, so that requests in flight finish before the process leaves.
 *
 * `Bun.serve` and `Deno.serve` serve it where they can: without a pool, in the
 * modes `balanced`, `shared` and `sharded` on Linux (on Deno with
 * `--allow-ffi`), in the mode `reuseport` (on Deno with `--unstable-net`).
 * Everywhere else, and on Node, `node:http` does; where that is second best, a
 * line on stderr says why. Bun gives a response made of a string no
 * content-type that others can see (Bun 1.4.4): through `node:http` it has one
 * only if the handler sets it. On Node `Response`, `Request` and `fetch` of the
 * process are replaced by such as make what the handler looks at, and no more.
 *
 * @throws {TypeError} when the pool has no such listener, or more than one and
 * none is named
 * @throws {PreforkError} `ERR_STATE`, `ERR_ATTACH` or `ERR_BIND`, as `listen()`
 *
 * @example
 * ```ts
 * import { serve } from "@prefork/prefork/worker";
 *
 * await serve((request) => new Response(`${new URL(request.url).pathname}\n`));
 * ```
 */
export async function serve(
  handler: FetchHandler,
  options: ServeOptions = {},
): Promise<ListenInfo> {
  if (typeof handler !== "function") {
    throw new TypeError(
      `Cannot serve: the handler must be a function, received ${typeof handler}`,
    );
  }
  const core = attachedCore();
  const bridged = () => bridgeServer(handler, options.onError);
  const { draining } = core.worker;
  const native = await nativeFor(handler, draining, options.onError);
  if (native !== undefined) {
    if (!core.worker.supervised) {
      const spec = standaloneSpec(options.address);
      const server = native.standalone(spec);
      if (server !== undefined) {
        core.attach(server.attachment, undefined);
        return { name: spec.name, address: server.address, mode: undefined };
      }
    } else if (!isLearning(core)) {
      const listener = chooseListener(core.worker.listeners, options.name);
      const start = native.inherited(listener);
      if (start !== undefined) {
        let accept: (() => Attachment) | undefined;
        return await occupy(core, options, {
          hold() {
            try {
              accept = start(true);
            } catch {
              // It is tried once more, and said why not, when it is to serve.
            }
            return Promise.resolve();
          },
          // The handler is what a check is about.
          probe: () => async () => await feedProbe(await bridged(), "http")!(),
          async serve() {
            try {
              return (accept ?? start(false))();
            } catch (error) {
              native.warnBridged(listener, messageOf(error));
              return await inherit(await bridged(), "http", listener);
            }
          },
        });
      }
    }
  }
  return await listen(await bridged(), options);
}

// What follows is loaded when it is needed, and not with what a worker imports:
// most of them serve no handler, and of those that do most have a server of
// their runtime's own.

/** A server of `node:http` for a handler. */
async function bridgeServer(
  handler: FetchHandler,
  onError: ErrorHandler | undefined,
): Promise<Server> {
  const { bridge } = await import("./fetch/bridge.ts");
  const { createServer } = process.getBuiltinModule("node:http");
  return createServer(UNREAD, bridge(handler, onError));
}

/** The native server of this runtime, or undefined when it has none. */
async function nativeFor(
  handler: FetchHandler,
  draining: AbortSignal,
  onError: ErrorHandler | undefined,
): Promise<Native | undefined> {
  const kind = RUNTIME.name === "bun"
    ? (await import("./bun/fetch.ts")).bunServer()
    : RUNTIME.name === "deno"
    ? (await import("./deno/fetch.ts")).denoServer()
    : undefined;
  if (kind === undefined) return undefined;
  const { nativeOf } = await import("./native.ts");
  return nativeOf(kind, handler, draining, onError);
}
