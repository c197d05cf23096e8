/**
 * `deno serve --parallel`, whose workers are threads:
 * https://docs.deno.com/examples/http_server_parallel/
 *
 * @module
 */

import { binary } from "../../tests/runtimes.ts";
import type { Peer } from "./peer.ts";

/** Deno's own. */
export const DENO_SERVE: Peer = {
  name: "serve-parallel",
  by: "DENO_JOBS=4 deno serve --parallel program.ts",
  runtime: "deno",
  server: "Deno.serve",
  threads: true,
  fetch: true,
  rival: "grafted-balanced",
  reloads: [],
  start: ({ port, workers, program }) => ({
    command: [
      ...[binary("deno"), "serve", "--parallel", "-A", "--no-check"],
      ...["--host", "127.0.0.1", "--port", String(port), program],
    ],
    env: { DENO_JOBS: String(workers) },
  }),
};
