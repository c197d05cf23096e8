import { spawn } from "node:child_process";
import { once } from "node:events";
import { availableParallelism } from "node:os";
import { ROOT } from "./tree.ts";

/** The variable that tells tests by how much to wait longer (tests/pace.ts). */
export const PACE = "TEST_PACE";

/** A start of each runtime, which is what most tests wait for. */
const STARTS: readonly (readonly [string, ...string[]])[] = [
  ["node", "-e", "0"],
  ["deno", "eval", "0"],
  ["bun", "-e", "0"],
];

/** The cores of the machine for which the waits in the tests are meant. */
const CORES = 2;

/** Milliseconds that all starts, twice at the same time, take there. */
const USUAL = 300;

/** How often it is measured; the middle counts. */
const ROUNDS = 3;

/** The most that tests wait longer. */
const MOST = 10;

/**
 * How much slower this machine is at starting processes than the one for which
 * the waits in the tests are meant, from 1 to 10: for a slow machine, for one
 * core, and for one where somebody else works too.
 */
export async function measurePace(): Promise<number> {
  const rounds: number[] = [];
  for (let round = 0; round < ROUNDS; round++) rounds.push(await startAll());
  const ms = rounds.toSorted((a, b) => a - b)[Math.floor(ROUNDS / 2)]!;
  const cores = CORES / Math.min(CORES, availableParallelism());
  return Math.min(MOST, Math.max(1, cores, Math.ceil(2 * ms / USUAL) / 2));
}

async function startAll(): Promise<number> {
  const began = performance.now();
  const starts = Array.from({ length: CORES }, () => STARTS).flat();
  await Promise.all(starts.map(async ([file, ...args]) => {
    const child = spawn(`${ROOT}node_modules/.bin/${file}`, args, {
      stdio: "ignore",
    });
    await once(child, "close");
  }));
  return performance.now() - began;
}
