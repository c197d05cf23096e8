/**
 * How long cheap requests wait while a few others burn CPU.
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

/** Requests per second, whether answers come or not: a quiet and a busy pool. */
export const TAIL_RATES = ["100", "250"] as const;

/** One of them. */
export type TailRate = typeof TAIL_RATES[number];

/** The share of requests that burn CPU; servers/app.ts says how long. */
const SLOW_SHARE = 0.06;

/** How long new processes run before they are measured, in seconds. */
const WARM_SECONDS = 1;

const CLIENT = new URL("../clients/open_loop.ts", import.meta.url);

/** The latencies of the cheap requests, in ms. */
export interface TailSample {
  /** Half of them were not slower. */
  readonly p50: number;
  /** 99 of 100 were not slower. */
  readonly p99: number;
  /** Requests without an answer. */
  readonly errors: number;
}

/** One session of one row, by the rate. */
export type TailResult = Readonly<Record<TailRate, TailSample>>;

/**
 * Measures a row once.
 *
 * @param seconds how long at the highest rate; at a lower one it takes longer,
 * up to twice as long, because a percentile needs enough requests
 * @param host where the client finds the pool
 */
export function measureTail(
  row: Row,
  seconds: number,
  host = "127.0.0.1",
): Promise<TailResult> {
  return withSession(
    row,
    { workers: WORKERS, cpus: BOTH_CPUS },
    async ({ port }) => {
      await openLoop(port, "250", WARM_SECONDS, host);
      const busy = await openLoop(port, "250", seconds, host);
      const quiet = await openLoop(port, "100", 2 * seconds, host);
      return { 100: sampleOf(quiet), 250: sampleOf(busy) };
    },
  );
}

function sampleOf({ cheap, errors, lost }: Answers): TailSample {
  return {
    p50: percentile(cheap, 0.5),
    p99: percentile(cheap, 0.99),
    errors: errors + lost,
  };
}

interface Answers {
  readonly cheap: readonly number[];
  readonly errors: number;
  readonly lost: number;
}

async function openLoop(
  port: number,
  rate: TailRate,
  seconds: number,
  host: string,
): Promise<Answers> {
  const output = await outputOf(
    BOTH_CPUS,
    [
      process.execPath,
      fileURLToPath(CLIENT),
      ...[port, rate, seconds, SLOW_SHARE, host].map(String),
    ],
    (seconds + 15) * 1000,
  );
  return JSON.parse(output) as Answers;
}
