/**
 * Starts a server of `Bun.serve` on an inherited socket.
 *
 * @module
 */

import type { InheritedListener } from "../../core/launch/environment.ts";
import { bypass } from "../process/bypass.ts";
import { cannot } from "../process/errors.ts";
import {
  beginning,
  type Graft,
  graft,
  kernelHere,
  startListening,
} from "../graft/graft.ts";
import { viewConnections } from "../graft/connections.ts";
import type { GraftedServer } from "./drain.ts";
import { inheriting } from "./options.ts";
import type { BunServe, BunServeOptions } from "./types.ts";
import { socketFor, temporaryPath } from "../listening/native_socket.ts";
import { yieldBy } from "../balance/native_servers.ts";

/**
 * Starts a server on one socket of a listener.
 *
 * @param how how many connections it has, where it knows, and whether it is held
 * back until it is resumed
 * @throws {PreforkError} `ERR_ATTACH` when it cannot be put there; then nothing
 * of it is left
 * @throws what `Bun.serve` throws for the program's options
 */
export function startGrafted(
  listener: InheritedListener,
  shard: number,
  options: BunServeOptions,
  serve: BunServe,
  { open, held = false }: { open?: () => number; held?: boolean } = {},
): GraftedServer {
  const socket = socketFor(listener, shard, "Bun's server");
  if (options.http3 === true) {
    throw cannot(
      `put Bun.serve on the listener "${listener.name}"`,
      "HTTP/3 has connections over UDP, which would not stay with their worker over a reload",
      `remove "http3" from its options, and let a proxy in front speak it`,
    );
  }
  const path = temporaryPath(socket);
  const server = bypass(() => serve(placed(options, path)));
  try {
    const at = path === undefined ? { port: server.port ?? 0 } : { path };
    const kernel = kernelHere(socket);
    const { backlog } = listener;
    const grafted = graft({ at }, socket, held ? undefined : backlog, kernel);
    const view = viewConnections(kernel, grafted.epoll, socket);
    const begin = (graft: Graft): Graft =>
      yieldBy(listener, graft, socket, open);
    return {
      server,
      graft: beginning(
        grafted,
        begin,
        held ? () => startListening(socket, backlog, kernel) : undefined,
      ),
      view,
    };
  } catch (error) {
    void server.stop(true);
    throw error;
  }
}

/** The options with a temporary address, whatever address they have. */
function placed(
  options: BunServeOptions,
  path: string | undefined,
): BunServeOptions {
  const place = path === undefined
    ? { hostname: "127.0.0.1", port: 0, unix: undefined }
    : { hostname: undefined, port: undefined, unix: path };
  return inheriting(options, { ...place, reusePort: false, ipv6Only: false });
}
