/**
 * Reaches the `Bun.serve` beneath a server of `node:http`, which is Bun's way
 * alone: on Deno `node:http` takes a socket over.
 *
 * @module
 */

import type { Server } from "node:http";
import { bypass } from "../process/bypass.ts";
import { cannot } from "../process/errors.ts";
import type { BunServe, BunServeOptions, BunServer } from "./types.ts";

/**
 * Calls `server.listen()` and starts what it starts by `Bun.serve` in another
 * way; resolves once the server listens. That `listen()` calls `Bun.serve`
 * before it returns is undocumented; seen on Bun 1.4.4.
 *
 * @param start called with the options and the runtime's own `Bun.serve`;
 * returns the server to use
 * @throws what `start` throws; then the server does not listen
 * @throws {PreforkError} `ERR_ATTACH` when `Bun.serve` was not called
 */
export async function listenThrough(
  server: Server,
  start: (options: BunServeOptions, serve: BunServe) => BunServer,
): Promise<void> {
  const { Bun: bun } = globalThis as unknown as { Bun: { serve: BunServe } };
  const own = bun.serve;
  let started = false;
  let failure: unknown;
  bun.serve = (options) => {
    started = true;
    try {
      return start(options, own.bind(bun));
    } catch (error) {
      failure = error;
      throw error;
    }
  };
  const settled = new Promise<void>((resolve) => {
    const settle = (): void => {
      server.off("listening", settle).off("error", settle);
      resolve();
    };
    server.once("listening", settle).once("error", settle);
  });
  try {
    bypass(() => server.listen({ port: 0, host: "127.0.0.1" }));
  } finally {
    bun.serve = own;
  }
  await settled;
  // What the program put off by a setTimeout(), such as its "upgrade" listener,
  // comes before the first connection.
  await new Promise((resolve) => setTimeout(resolve));
  if (failure !== undefined) throw failure;
  if (started) return;
  server.close();
  throw cannot(
    "put the server on the inherited socket",
    "node:http of this Bun does not listen through Bun.serve",
    "use a version of Bun that prefork was tested with",
  );
}
