/**
 * `serve()`: serves a fetch handler on the pool's listener.
 *
 * @module
 */

import { createServer } from "node:http";
import { messageOf } from "../core/errors.ts";
import { inherit } from "./inherit.ts";
import { nativeFor, warnBridged } from "./native.ts";
import { isLearning } from "./listening/learning.ts";
import { standaloneSpec } from "./listening/standalone.ts";
import { chooseListener } from "./listening/choice.ts";
import { feedProbe } from "./listening/probe.ts";
import { defaultOnError, replying } from "./fetch/reply.ts";
import { attachedCore } from "./attach.ts";
import { bridge } from "./fetch/bridge.ts";
import type { ErrorHandler, FetchHandler } from "./fetch/handler.ts";
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
 * only if the handler sets it.
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
  const onError = options.onError ?? defaultOnError;
  const bridged = () => createServer(bridge(handler, onError));
  const native = nativeFor(replying(handler, onError), core.worker.draining);
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
          probe: () => feedProbe(bridged(), "http"),
          async serve() {
            try {
              return (accept ?? start(false))();
            } catch (error) {
              warnBridged(listener, messageOf(error));
              return await inherit(bridged(), "http", listener);
            }
          },
        });
      }
    }
  }
  return await listen(bridged(), options);
}
