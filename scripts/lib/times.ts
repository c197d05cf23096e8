import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import { ROOT } from "./tree.ts";

/** Seconds by the name of what took them. */
export type Times = Readonly<Record<string, number>>;

/** What the runs on this machine took. */
const HERE = ".reports/times.json";

/** What the jobs of the last run cost. */
const COSTS = ".reports/cpu.json";

/** What a run took once, for the first one on a machine. */
const COMMITTED = "scripts/times.json";

/** What everything took when it last ran here, or else when it was committed. */
export function lastTimes(): Times {
  return { ...readTimes(COMMITTED), ...readTimes(HERE) };
}

/** Keeps what a run took; with `commit` for other machines too. */
export function keepTimes(times: Times, commit: boolean): void {
  writeTimes(HERE, { ...readTimes(HERE), ...times });
  if (commit) writeTimes(COMMITTED, times);
}

/** Keeps the CPU seconds of each job of this run, which say where they go. */
export function keepCosts(costs: Times): void {
  writeTimes(COSTS, costs);
}

function readTimes(path: string): Times {
  try {
    return JSON.parse(readFileSync(ROOT + path, "utf8"));
  } catch {
    return {};
  }
}

function writeTimes(path: string, times: Times): void {
  const sorted = Object.entries(times)
    .map(([name, seconds]) => [name, Number(seconds.toFixed(1))] as const)
    .sort(([a], [b]) => a < b ? -1 : 1);
  mkdirSync(dirname(ROOT + path), { recursive: true });
  const text = JSON.stringify(Object.fromEntries(sorted), null, 2);
  writeFileSync(ROOT + path, `${text}\n`);
}
