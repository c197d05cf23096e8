/**
 * Connections that are kept alive and cost unequally: who gets which one matters
 * long after it was accepted.
 *
 * @module
 */

import process from "node:process";
import { fileURLToPath } from "node:url";
import { BOTH_CPUS, outputOf } from "../clients/taskset.ts";
import type { Row } from "../rows.ts";
import { withSession } from "../session.ts";
import { percentile } from "../stats.ts";

/** Workers of the pool. */
const WORKERS = 4;

/** Connections, and the ms between two of them. */
const CONNECTIONS = 64;
const GAP_MS = 20;

/** Requests per second on each connection. */
const RATE = 10;

/** How many CPUs all requests together keep busy: 60 % of two. */
const CPUS = 1.2;

/**
 * How unequal the connections are. With 1.5 the costliest tenth of them takes
 * more than half of the CPU, and the costliest one a fifth of a core.
 */
const SIGMA = 1.5;

const CLIENT = new URL("../clients/unequal.ts", import.meta.url);

/** The latencies of all requests, in ms. */
export interface UnequalResult {
  /** Half of them were not slower. */
  readonly p50: number;
  /** 99 of 100 were not slower. */
  readonly p99: number;
  /** Requests without an answer. */
  readonly errors: number;
}

/**
 * Measures a row once.
 *
 * @param seed in which order the connections come, and when they ask
 */
export function measureUnequal(
  row: Row,
  seconds: number,
  seed: number,
): Promise<UnequalResult> {
  return withSession(
    row,
    { workers: WORKERS, cpus: BOTH_CPUS },
    async ({ port }) => {
      const output = await outputOf(
        BOTH_CPUS,
        [
          process.execPath,
          fileURLToPath(CLIENT),
          ...[port, CONNECTIONS, GAP_MS, RATE, seconds, CPUS, SIGMA, seed]
            .map(String),
        ],
        (seconds + 20) * 1000,
      );
      const { latencies, errors } = JSON.parse(output) as {
        readonly latencies: readonly number[];
        readonly errors: number;
      };
      return {
        p50: percentile(latencies, 0.5),
        p99: percentile(latencies, 0.99),
        errors,
      };
    },
  );
}
