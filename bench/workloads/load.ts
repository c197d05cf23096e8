/**
 * Requests as fast as they go: on a new connection each, then on connections
 * that are kept alive. Also what the supervisor costs meanwhile.
 *
 * @module
 */

import { POOL_CPU } from "../clients/taskset.ts";
import { type Load, wrk } from "../clients/wrk.ts";
import { cpuOf, rssOf, treeOf } from "../proc.ts";
import type { Row } from "../rows.ts";
import { type Session, sleep, withSession } from "../session.ts";

/** Workers of the pool. */
const WORKERS = 4;

/** Connections of wrk at a time. */
const CONNECTIONS = 64;

/** How long the supervisor's memory may settle after the start, in ms. */
const SETTLE_MS = 200;

/** How long new processes run before they are measured, in seconds. */
const WARM_SECONDS = 1;

/** One kind of load on one row. */
export interface LoadSample extends Load {
  /** Requests of each worker, the most first. */
  readonly perWorker: readonly number[];
  /** CPU of the supervisor, in ms per million requests. */
  readonly supervisorCpu: number;
  /** CPU of supervisor and workers together, in the same unit. */
  readonly cpu: number;
}

/** One session of one row. */
export interface LoadResult {
  /** The memory of the supervisor after the start, in MiB. */
  readonly rss: number;
  /** A new connection per request. */
  readonly fresh: LoadSample;
  /** Connections that are kept alive. */
  readonly keepAlive: LoadSample;
}

/** Measures a row once. */
export function measureLoad(row: Row, seconds: number): Promise<LoadResult> {
  return withSession(row, { workers: WORKERS, cpus: POOL_CPU }, async (it) => {
    await sleep(SETTLE_MS);
    const rss = rssOf(it.supervisor);
    await load(it, WARM_SECONDS, true);
    const fresh = await measured(it, seconds, true);
    const keepAlive = await measured(it, seconds, false);
    return { rss, fresh, keepAlive };
  });
}

async function measured(
  session: Session,
  seconds: number,
  close: boolean,
): Promise<LoadSample> {
  const before = await session.served();
  const { supervisor } = session;
  const start = spentBy(treeOf(supervisor));
  const result = await load(session, seconds, close);
  const end = spentBy(start.keys());
  const perMillion = (pid: number): number =>
    (end.get(pid)! - start.get(pid)!) / result.requests * 1e6;
  const perWorker = [...await session.served()]
    .map(([pid, count]) => count - (before.get(pid) ?? 0))
    .sort((a, b) => b - a);
  const supervisorCpu = perMillion(supervisor);
  const cpu = [...end.keys()].reduce((sum, pid) => sum + perMillion(pid), 0);
  return { ...result, perWorker, supervisorCpu, cpu };
}

/** The CPU time of those that live, in ms. PM2 starts helpers that end soon. */
function spentBy(pids: Iterable<number>): Map<number, number> {
  const spent = new Map<number, number>();
  for (const pid of pids) {
    try {
      spent.set(pid, cpuOf(pid));
    } catch {
      // It has ended.
    }
  }
  return spent;
}

function load(
  { port }: Session,
  seconds: number,
  close: boolean,
): Promise<Load> {
  return wrk({ port, seconds, connections: CONNECTIONS, close });
}
