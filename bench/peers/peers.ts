/**
 * What is measured beside prefork and is not of a runtime: as rows of the bench.
 * `node:cluster` is among the other rows.
 *
 * @module
 */

import { fileURLToPath } from "node:url";
import type { Runtime } from "../../tests/runtimes.ts";
import type { Row } from "../rows.ts";
import { DENO_SERVE } from "./deno_serve.ts";
import { NGINX } from "./nginx.ts";
import type { Peer } from "./peer.ts";
import { PM2 } from "./pm2.ts";
import { WATT } from "./watt.ts";

/** All of them. */
export const PEERS: readonly Peer[] = [PM2, WATT, NGINX, DENO_SERVE];

const serverOf = (file: string): string =>
  fileURLToPath(new URL(`../servers/${file}`, import.meta.url));

/** The rows of a runtime. */
export function peersOf(runtime: Runtime): readonly Row[] {
  return PEERS.filter((peer) => peer.runtime === runtime).map((
    { name, by, server, threads, rival, reloads, fetch, start },
  ): Row => ({
    id: `${runtime}/${name}`,
    runtime,
    by,
    server,
    alone: false,
    threads,
    rival,
    reloads,
    start: (port, workers, directory) =>
      start({
        port,
        workers,
        directory,
        program: serverOf(fetch ? "native/exported.ts" : "plain.ts"),
      }),
  }));
}
