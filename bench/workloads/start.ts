/**
 * What it costs to start: the whole tree of processes from the start until all
 * workers are ready.
 *
 * @module
 */

import { spawn } from "node:child_process";
import {
  mkdtempSync,
  readFileSync,
  realpathSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { cleanEnv, commandOn, type Runtime } from "../../tests/runtimes.ts";
import { PEERS } from "../peers/peers.ts";
import { cpuWithReapedOf, pssOf, treeOf } from "../proc.ts";
import type { RowStart } from "../rows.ts";
import { endGroup, freePort, sleep } from "../session.ts";

/** How long a start may take, in ms. */
const PATIENCE_MS = 60_000;

/** How often is looked whether all are ready, in ms. */
const LOOK_MS = 3;

/** When memory is read, in ms after all were ready. */
const SETTLE_MS = 500;

const HELLO = fileURLToPath(new URL("../servers/hello.mjs", import.meta.url));
/** The same as a fetch handler. */
const FETCH = fileURLToPath(
  new URL("../servers/native/hello.mjs", import.meta.url),
);
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
  /** True for what is no part of prefork; it is compared with a pool. */
  readonly peer?: boolean;
  /**
   * Says how to start it.
   *
   * @param directory a directory of its own, removed when it has ended
   */
  start(port: number, directory: string): RowStart;
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
    start: () => ({ command: commandOn(runtime, HELLO), env: {} }),
  });
  const pool = (
    id: string,
    runtime: Runtime,
    workers: number,
    base: string,
    program = HELLO,
  ): StartRow => ({
    id,
    base,
    workers,
    start: (port) => ({
      command: [
        ...commandOn(runtime, cli),
        ...["-w", String(workers), "-l", `127.0.0.1:${port}`, program],
      ],
      env: {},
    }),
  });
  const cluster = (
    id: string,
    runtime: Runtime,
    more: Partial<StartRow>,
  ): StartRow => ({
    id,
    base: "node/cluster-4",
    workers: 4,
    start: () => ({ command: commandOn(runtime, CLUSTER), env: {} }),
    ...more,
  });
  const peers = (runtime: Runtime): StartRow[] =>
    PEERS.filter((peer) => peer.runtime === runtime).map((peer) => ({
      id: `${runtime}/${peer.name}-4`,
      base: `${runtime}/prefork-4`,
      workers: 4,
      peer: true,
      start: (port, directory) =>
        peer.start({
          port,
          workers: 4,
          directory,
          program: peer.fetch ? FETCH : HELLO,
        }),
    }));
  return [
    cluster("node/cluster-4", "node", {}),
    pool("node/prefork-4", "node", 4, "node/cluster-4"),
    cluster("node/cluster-4-again", "node", {}),
    ...peers("node"),
    pool("deno/prefork-4", "deno", 4, "deno/prefork-4", FETCH),
    ...peers("deno"),
    pool("bun/prefork-4", "bun", 4, "bun/prefork-4"),
    cluster("bun/cluster-4", "bun", { base: "bun/prefork-4", peer: true }),
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
  const directory = mkdtempSync(join(realpathSync(tmpdir()), "bench-start-"));
  const log = join(directory, "ready");
  writeFileSync(log, "");
  const { command, env: own, cwd } = row.start(port, directory);
  const [file, ...args] = command;
  const began = performance.now();
  const child = spawn(file!, args, {
    // A group of its own, so that nothing of it survives.
    detached: true,
    stdio: ["ignore", "ignore", "pipe"],
    ...(cwd !== undefined && { cwd }),
    env: cleanEnv({
      ...env,
      ...own,
      BENCH_PORT: String(port),
      BENCH_WORKERS: String(row.workers),
      BENCH_LOG: log,
    }),
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
