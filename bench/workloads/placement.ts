/**
 * Where 200 connections that stay open end up.
 *
 * @module
 */

import process from "node:process";
import { fileURLToPath } from "node:url";
import { CLIENT_CPU, outputOf, POOL_CPU } from "../clients/taskset.ts";
import type { Row } from "../rows.ts";
import { sleep, withSession } from "../session.ts";

/** Workers of the pool. */
const WORKERS = 8;

/** Connections, and the ms between two of them that do not come at once. */
const CONNECTIONS = 200;
const GAP_MS = 5;

/** How often they come at once: it is quick, and a matter of luck. */
const TRIES = 3;

/** How long the connections of one try may take to be closed, in ms. */
const CLOSE_MS = 300;

/** How long all of it may take, in ms. */
const TIMEOUT_MS = 20_000;

const CLIENT = new URL("../clients/keep_alive.ts", import.meta.url);

/** How many connections each worker has, the most first, zeros included. */
export type Counts = readonly number[];

/** Both ways for connections to come. */
export interface PlacementResult {
  /** One after the other, some ms apart. */
  readonly apart: Counts;
  /** All at once: of some tries the one in the middle. */
  readonly atOnce: Counts;
}

/** Measures a row once. */
export function measurePlacement(row: Row): Promise<PlacementResult> {
  return withSession(
    row,
    { workers: WORKERS, cpus: POOL_CPU },
    async ({ port }) => {
      const apart = await place(port, CONNECTIONS, GAP_MS);
      const tries: Counts[] = [];
      for (let i = 0; i < TRIES; i++) {
        await sleep(CLOSE_MS);
        tries.push(await place(port, CONNECTIONS, 0));
      }
      return { apart, atOnce: middle(tries) };
    },
  );
}

/** Measures so many connections that come at once, of some tries the middle. */
export function measureBurst(
  row: Row,
  connections: number,
  tries: number,
): Promise<Counts> {
  return withSession(
    row,
    { workers: WORKERS, cpus: POOL_CPU },
    async ({ port }) => {
      const all: Counts[] = [];
      for (let i = 0; i < tries; i++) {
        await sleep(CLOSE_MS);
        all.push(await place(port, connections, 0));
      }
      return middle(all);
    },
  );
}

function middle(tries: readonly Counts[]): Counts {
  return tries.toSorted((a, b) => unevenness(a) - unevenness(b))[
    Math.floor(tries.length / 2)
  ]!;
}

/** Most : fewest; infinite when a worker has none. */
export function unevenness(counts: Counts): number {
  return counts[0]! / counts.at(-1)!;
}

async function place(
  port: number,
  connections: number,
  gap: number,
): Promise<Counts> {
  const output = await outputOf(
    CLIENT_CPU,
    [
      process.execPath,
      fileURLToPath(CLIENT),
      ...[port, connections, gap].map(String),
    ],
    TIMEOUT_MS,
  );
  const counts = JSON.parse(output) as number[];
  const idle = WORKERS - counts.length;
  return [...counts, ...Array<number>(idle).fill(0)].sort((a, b) => b - a);
}
