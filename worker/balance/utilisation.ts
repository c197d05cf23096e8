/**
 * How busy this process is.
 *
 * @module
 */

import process from "node:process";
import { RUNTIME } from "../process/runtime.ts";

/** Tells which part of the time since the last call was busy, from 0 to 1. */
export type Utilisation = () => number;

/**
 * Measures the event loop on Node. Bun 1.4.4 and Deno 2.9.5 do not: there the
 * CPU time of the process says the same, as long as one thread does the work.
 */
export function measureUtilisation(): Utilisation {
  if (RUNTIME.measuresLoop) {
    const { performance: { eventLoopUtilization: loop } } = process
      .getBuiltinModule("node:perf_hooks");
    let last = loop();
    return () => {
      const now = loop();
      const { utilization } = loop(now, last);
      last = now;
      return utilization;
    };
  }
  let at = performance.now();
  let spent = cpuTime();
  return () => {
    const now = performance.now();
    const cpu = cpuTime();
    const part = now > at ? (cpu - spent) / (now - at) : 0;
    at = now;
    spent = cpu;
    return Math.min(1, Math.max(0, part));
  };
}

/** The CPU time of this process, in ms. */
function cpuTime(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000;
}
