import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import { ROOT } from "./tree.ts";

/** What something took. */
export interface Cost {
  /** From its beginning to its end. */
  readonly seconds: number;
  /** CPU seconds of all its processes. */
  readonly cpu: number;
}

/** What everything took, by its name. */
export type Times = Readonly<Record<string, Cost>>;

/** What the runs on this machine took. */
const HERE = ".reports/times.json";

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

function readTimes(path: string): Times {
  try {
    const rows: Record<string, readonly [seconds: number, cpu: number]> = JSON
      .parse(readFileSync(ROOT + path, "utf8"));
    return Object.fromEntries(
      Object.entries(rows).map(([name, [seconds, cpu]]) =>
        [name, { seconds, cpu }] as const
      ),
    );
  } catch {
    return {};
  }
}

function writeTimes(path: string, times: Times): void {
  const rows = Object.entries(times)
    .sort(([a], [b]) => a < b ? -1 : 1)
    .map(([name, { seconds, cpu }]) =>
      `  ${JSON.stringify(name)}: [${seconds.toFixed(1)}, ${cpu.toFixed(1)}]`
    );
  mkdirSync(dirname(ROOT + path), { recursive: true });
  writeFileSync(ROOT + path, `{\n${rows.join(",\n")}\n}\n`);
}
