/**
 * The tail for clients that are far away (clients/far.ts), in a network
 * namespace of its own (unshare(1)).
 *
 * usage, as the bench calls itself: far_tail.ts ID MS SECONDS
 */

import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import process from "node:process";
import { fileURLToPath } from "node:url";
import { FAR_HOST } from "../clients/far.ts";
import { BOTH_CPUS, outputOf } from "../clients/taskset.ts";
import type { Runtime } from "../../tests/runtimes.ts";
import { type SteerRow, steerRows } from "./steer.ts";
import { measureTail, type TailResult } from "./tail.ts";

const HERE = fileURLToPath(import.meta.url);
const FAR = fileURLToPath(new URL("../clients/far.ts", import.meta.url));

/** How long all of it may take beyond the load, in ms. */
const PATIENCE_MS = 90_000;

/** Measures a row whose clients are so many ms away, there and back. */
export async function measureFarTail(
  { id }: SteerRow,
  ms: number,
  seconds: number,
): Promise<TailResult> {
  const output = await outputOf(
    BOTH_CPUS,
    [
      ...["unshare", "-n", process.execPath, "--no-warnings", HERE],
      ...[id, String(ms), String(seconds)],
    ],
    3 * seconds * 1000 + PATIENCE_MS,
  );
  return JSON.parse(output) as TailResult;
}

if (import.meta.main) {
  const [, , id = "", ms = "", seconds = ""] = process.argv;
  const runtime = id.split(" ")[0] as Runtime;
  const row = steerRows(runtime, "0.0.0.0").find((each) => each.id === id);
  if (row === undefined) throw new TypeError(`Cannot measure "${id}"`);
  spawnSync("ip", ["link", "set", "lo", "up"]);
  const far = spawn(
    process.execPath,
    ["--no-warnings", FAR, String(Number(ms) / 2)],
    { stdio: ["ignore", "pipe", "inherit"] },
  );
  try {
    await once(far.stdout, "data");
    const result = await measureTail(row, Number(seconds), FAR_HOST);
    process.stdout.write(`${JSON.stringify(result)}\n`);
  } finally {
    far.kill();
  }
}
