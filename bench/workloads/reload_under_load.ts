/**
 * What clients see while all workers are replaced.
 *
 * @module
 */

import process from "node:process";
import { load } from "../../tests/strict_client.ts";
import { BOTH_CPUS } from "../clients/taskset.ts";
import type { Reload, Row } from "../rows.ts";
import { type Session, sleep, withSession } from "../session.ts";

/** Workers of the pool. */
const WORKERS = 4;

/** Loops of the client of each kind; each has one connection at a time. */
const LOOPS = 16;

/** How long clients ask before and after, in ms. */
const AROUND_MS = 1000;

/** How long an answer may take, in ms. */
const PATIENCE_MS = 10_000;

/** How long old workers may take to end, in ms. */
const LEAVE_MS = 60_000;

/** How often is looked whether they have, in ms. */
const LOOK_MS = 20;

/** One way to replace the workers. */
export interface ReloadSample {
  /** What was done. */
  readonly by: string;
  /** From the first moment until all are replaced, the old ones ended, in ms. */
  readonly time: number;
  /** Answered requests. */
  readonly answered: number;
  /** Requests on a new connection without an answer. */
  readonly failed: number;
  /** Kept connections that ended without a word. */
  readonly cut: number;
  /** Kept connections whose end was announced. */
  readonly announced: number;
}

/** Measures each way of a row once, each with processes of its own. */
export async function measureReloads(row: Row): Promise<ReloadSample[]> {
  const samples: ReloadSample[] = [];
  const ways = row.reloads?.length ? row.reloads : [undefined];
  for (const way of ways) samples.push(await measureReload(row, way));
  return samples;
}

function measureReload(row: Row, way?: Reload): Promise<ReloadSample> {
  const how = { workers: WORKERS, cpus: BOTH_CPUS };
  return withSession(row, how, async (session) => {
    const address = `127.0.0.1:${session.port}`;
    const plan = { address, loops: LOOPS, patience: PATIENCE_MS };
    await using client = await load([
      { kind: "connect", ...plan },
      { kind: "keepalive", ...plan },
    ]);
    await sleep(AROUND_MS);
    const began = performance.now();
    await replace(row, way, session);
    const time = performance.now() - began;
    await sleep(AROUND_MS);
    const { done, failedCount, cutCount, closes } = await client.stop();
    return {
      by: way?.by ?? "none: stop and start",
      time,
      answered: (done.connect ?? 0) + (done.keepalive ?? 0),
      failed: failedCount ?? 0,
      cut: cutCount ?? 0,
      announced: closes,
    };
  });
}

async function replace(
  row: Row,
  way: Reload | undefined,
  session: Session,
): Promise<void> {
  if (way === undefined) return await session.restart();
  await way.run(session);
  if (!way.renews) return;
  await session.ready(2 * WORKERS);
  // Threads leave no trace: that of Watt has waited for them.
  if (row.threads) return;
  const end = performance.now() + LEAVE_MS;
  while (session.workers.some(lives)) {
    if (performance.now() > end) throw new Error("an old worker stays");
    await sleep(LOOK_MS);
  }
}

function lives(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}
