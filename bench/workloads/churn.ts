/**
 * What `balanced` costs while short connections come and go: how much CPU the
 * supervisor needs at a fixed rate, and how many connections are passed on.
 *
 * @module
 */

import process from "node:process";
import { fileURLToPath } from "node:url";
import { CLIENT_CPU, outputOf, POOL_CPU } from "../clients/taskset.ts";
import { wrk } from "../clients/wrk.ts";
import { cpuWithEndedOf } from "../proc.ts";
import type { Row } from "../rows.ts";
import { type Session, sleep, withSession } from "../session.ts";

/** Workers of the pool. */
const WORKERS = 4;

/** New connections per second. */
const CHURN_RATE = 10_000;

/** Connections of wrk at a time, when they come as fast as they go. */
const CONNECTIONS = 64;

/** How long new processes run before they are measured, in seconds. */
const WARM_SECONDS = 1;

/** How long workers may take to show their last numbers, in ms. */
const SHOW_MS = 300;

const CLIENT = new URL("../clients/fixed_rate.ts", import.meta.url);

/** One session of one row. */
export interface ChurnResult {
  /** Connections per second that were answered at the fixed rate. */
  readonly rate: number;
  /** The supervisor's part of a CPU at that rate, from 0 to 1. */
  readonly supervisor: number;
  /** Which part of the connections was passed on at that rate. */
  readonly passedOn: number;
  /** The same when connections come as fast as they go. */
  readonly passedOnFlat: number;
  /** Connections without an answer at the fixed rate. */
  readonly errors: number;
}

/** Measures a row once. */
export function measureChurn(row: Row, seconds: number): Promise<ChurnResult> {
  return withSession(
    row,
    { workers: WORKERS, cpus: POOL_CPU, watched: true },
    async (session) => {
      const { port, supervisor } = session;
      await fixedRate(port, WARM_SECONDS);
      const first = await passedOn(session);
      const before = cpuWithEndedOf(supervisor);
      const fixed = await fixedRate(port, seconds);
      const cpu = cpuWithEndedOf(supervisor) - before;
      const second = await passedOn(session);
      const flat = await wrk({
        port,
        seconds,
        connections: CONNECTIONS,
        close: true,
      });
      const third = await passedOn(session);
      return {
        rate: fixed.answered / fixed.seconds,
        // By the connection, so that a missed rate does not make it better.
        supervisor: cpu / 1000 / fixed.answered * CHURN_RATE,
        passedOn: (second - first) / fixed.answered,
        passedOnFlat: (third - second) / flat.requests,
        errors: fixed.errors,
      };
    },
  );
}

async function passedOn(session: Session): Promise<number> {
  await sleep(SHOW_MS);
  return await session.passedOn();
}

interface Answers {
  readonly answered: number;
  readonly errors: number;
  readonly seconds: number;
}

async function fixedRate(port: number, seconds: number): Promise<Answers> {
  const output = await outputOf(
    CLIENT_CPU,
    [
      process.execPath,
      fileURLToPath(CLIENT),
      ...[port, CHURN_RATE, seconds].map(String),
    ],
    (seconds + 15) * 1000,
  );
  return JSON.parse(output) as Answers;
}
