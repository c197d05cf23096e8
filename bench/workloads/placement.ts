/**
 * Where 200 connections that stay open end up.
 *
 * @module
 */

import process from "node:process";
import { fileURLToPath } from "node:url";
import { CLIENT_CPU, outputOf, POOL_CPU } from "../clients/taskset.ts";
import type { Row } from "../rows.ts";
import { withSession } from "../session.ts";

/** Workers of the pool. */
const WORKERS = 8;

/** Connections, and the ms between two of them. */
const CONNECTIONS = 200;
const GAP_MS = 5;

/** How long all of it may take, in ms. */
const TIMEOUT_MS = 20_000;

const CLIENT = new URL("../clients/keep_alive.ts", import.meta.url);

/** How many connections each worker has, the most first, zeros included. */
export type PlacementResult = readonly number[];

/** Measures a row once. */
export function measurePlacement(row: Row): Promise<PlacementResult> {
  return withSession(
    row,
    { workers: WORKERS, cpus: POOL_CPU },
    async ({ port }) => {
      const output = await outputOf(
        CLIENT_CPU,
        [
          process.execPath,
          fileURLToPath(CLIENT),
          ...[port, CONNECTIONS, GAP_MS].map(String),
        ],
        TIMEOUT_MS,
      );
      const counts = JSON.parse(output) as number[];
      const idle = row.alone ? 0 : WORKERS - counts.length;
      return [...counts, ...Array<number>(idle).fill(0)].sort((a, b) => b - a);
    },
  );
}
