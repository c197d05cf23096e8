/**
 * Tells the supervisor how loaded this process is where it has no row on the
 * scoreboard: while requests come, once a second. An idle worker has no timer.
 *
 * @module
 */

import process from "node:process";
import { clearInterval, setInterval } from "node:timers";
import type { FromWorker } from "../../core/protocol.ts";
import { BEAT_MS, measureLag } from "./lag.ts";
import type { RequestCount } from "./request_count.ts";

/** After so many of those it is told. */
const TELL_AFTER = 10;

/**
 * Tells it from the first request on.
 *
 * @returns tells now what was not told yet
 */
export function tellLoad(
  requests: RequestCount,
  tell: (message: FromWorker) => unknown,
): () => void {
  const lag = measureLag(BEAT_MS);
  let told = 0;
  const say = (): void => {
    const { count = 0 } = requests;
    if (count === told) return;
    told = count;
    const { high = 0 } = lag;
    tell({ type: "load", requests: count, lag: Math.round(high * 1000) });
  };
  const begin = (): void => {
    let beats = 0;
    let at = performance.now();
    let before = told;
    const timer = setInterval(() => {
      const now = performance.now();
      lag.add(now - at - BEAT_MS);
      at = now;
      if (++beats % TELL_AFTER > 0) return;
      say();
      if (told === before) {
        clearInterval(timer);
        requests.atNext(begin);
      }
      before = told;
    }, BEAT_MS).unref();
  };
  requests.atNext(begin);
  process.once("exit", say);
  return say;
}
