/**
 * What it costs to start: the whole tree of processes from the start until all
 * workers are ready.
 *
 * @module
 */

import { spawn } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { cleanEnv, commandOn, type Runtime } from "../../tests/runtimes.ts";
import { cpuWithReapedOf, pssOf, treeOf } from "../proc.ts";
import { endGroup, freePort, sleep } from "../session.ts";

/** How long a start may take, in ms. */
const PATIENCE_MS = 60_000;

/** How often is looked whether all are ready, in ms. */
const LOOK_MS = 3;

/** When memory is read, in ms after all were ready. */
const SETTLE_MS = 500;

const HELLO = fileURLToPath(new URL("../servers/hello.mjs", import.meta.url));
const CLUSTER = fileURLToPath(
  new URL("../servers/hello_cluster.mjs", import.meta.url),
);

/** Something whose start is measured. */
export interface StartRow {
  /** Its name. */
  readonly id: string;
  /** What it is compared with; its own id where it is what others are. */
  readonly base: string;
  /** How many processes have to be ready. */
  readonly workers: number;
  /** The command line. */
  command(port: number): readonly string[];
}

/** One start. */
export interface StartSample {
  /** Until all were ready, in ms. */
  readonly time: number;
  /** CPU of the tree until then, in ms. */
  readonly cpu: number;
  /** Memory of the tree half a second later, in MiB. */
  readonly pss: number;
}

/** The rows; `cli` is the command of the installed package. */
export function startRows(cli: string): readonly StartRow[] {
  const alone = (id: string, runtime: Runtime): StartRow => ({
    id,
    base: `${runtime}/alone`,
    workers: 1,
    command: () => commandOn(runtime, HELLO),
  });
  const pool = (
    id: string,
    runtime: Runtime,
    workers: number,
    base: string,
  ): StartRow => ({
    id,
    base,
    workers,
    command: (port) => [
      ...commandOn(runtime, cli),
      ...["-w", String(workers), "-l", `127.0.0.1:${port}`, HELLO],
    ],
  });
  const cluster = (id: string): StartRow => ({
    id,
    base: "node/cluster-4",
    workers: 4,
    command: () => commandOn("node", CLUSTER),
  });
  return [
    cluster("node/cluster-4"),
    pool("node/prefork-4", "node", 4, "node/cluster-4"),
    cluster("node/cluster-4-again"),
    ...(["node", "deno", "bun"] as const).flatMap((runtime) => [
      alone(`${runtime}/alone`, runtime),
      pool(`${runtime}/prefork-1`, runtime, 1, `${runtime}/alone`),
      alone(`${runtime}/alone-again`, runtime),
    ]),
  ];
}

/** Starts a row once, and ends it. */
export async function measureStart(
  row: StartRow,
  env: Readonly<Record<string, string>>,
): Promise<StartSample> {
  const port = await freePort();
  const directory = mkdtempSync(join(tmpdir(), "bench-start-"));
  const log = join(directory, "ready");
  writeFileSync(log, "");
  const [file, ...args] = row.command(port);
  const began = performance.now();
  const child = spawn(file!, args, {
    // A group of its own, so that nothing of it survives.
    detached: true,
    stdio: ["ignore", "ignore", "pipe"],
    env: cleanEnv({ ...env, BENCH_PORT: String(port), BENCH_LOG: log }),
  });
  let words = "";
  child.stderr.on("data", (text: Uint8Array) => void (words += text));
  const exited = new Promise<void>((resolve) => {
    child.once("exit", () => resolve());
  });
  const count = (): number => readFileSync(log, "utf8").split("\n").length - 1;
  try {
    while (count() < row.workers) {
      if (performance.now() - began > PATIENCE_MS || child.exitCode !== null) {
        throw new Error(`Cannot start ${row.id}: ${words.trim()}`);
      }
      await sleep(LOOK_MS);
    }
    const time = performance.now() - began;
    const cpu = sum(treeOf(child.pid!).map(cpuWithReapedOf));
    await sleep(SETTLE_MS);
    return { time, cpu, pss: sum(treeOf(child.pid!).map(pssOf)) };
  } finally {
    await endGroup(child, exited);
    rmSync(directory, { recursive: true, force: true });
  }
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((all, each) => all + each, 0);
}
