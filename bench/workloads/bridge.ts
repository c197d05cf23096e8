/**
 * What a request costs that a fetch handler answers on Node: by the bridges that
 * there are, and by `node:http` without one.
 *
 * @module
 */

import { spawn } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { cleanEnv, commandOn } from "../../tests/runtimes.ts";
import { pinned, POOL_CPU } from "../clients/taskset.ts";
import { type Post, wrk } from "../clients/wrk.ts";
import { cpuOf } from "../proc.ts";
import { endGroup, freePort, sleep } from "../session.ts";

/** How long a program may take to answer, in ms. */
const PATIENCE_MS = 15_000;

/** How often is looked whether it does, in ms. */
const LOOK_MS = 20;

/** Connections of wrk at a time. */
const CONNECTIONS = 64;

/** What clients ask for, and what they send. */
export const WORKLOADS: Readonly<Record<string, { readonly post?: Post }>> = {
  text: {},
  json: {},
  stream: {},
  upload: { post: { bytes: 64 * 1024, fields: 0 } },
  unread: { post: { bytes: 1024, fields: 20 } },
};

/** Something that answers. */
export interface BridgeRow {
  /** Its name. */
  readonly id: string;
  /** Its program, in {@linkcode PROGRAMS}. */
  readonly program: string;
  /** True where a pool of one worker runs it. */
  readonly pool: boolean;
}

/** The programs and what they share. */
export const PROGRAMS: readonly string[] = [
  "handlers",
  "http",
  "hono",
  "srvx",
  "serve",
  "export",
].map((name) =>
  fileURLToPath(
    new URL(`../servers/bridge/${name}.mjs`, import.meta.url),
  )
);

/** All of them. */
export const BRIDGE_ROWS: readonly BridgeRow[] = [
  { id: "node:http", program: "http", pool: false },
  { id: "@hono/node-server", program: "hono", pool: false },
  { id: "srvx", program: "srvx", pool: false },
  { id: "serve()", program: "serve", pool: true },
  { id: "export default", program: "export", pool: true },
  { id: "node:http in a pool", program: "http", pool: true },
];

/** One measurement. */
export interface BridgeSample {
  /** CPU of the process that answers, in microseconds for a request. */
  readonly cpu: number;
  /** Answers in a second. */
  readonly rate: number;
}

/** A program that answers. */
export interface Answering extends AsyncDisposable {
  /** Loads it. */
  measure(seconds: number): Promise<BridgeSample>;
}

/**
 * Starts a row; resolves once it answers.
 *
 * @param directory where the programs are
 * @param cli the command of the installed package
 */
export async function startBridge(
  row: BridgeRow,
  workload: string,
  directory: string,
  cli: string,
): Promise<Answering> {
  const port = await freePort();
  const notes = mkdtempSync(join(tmpdir(), "bench-bridge-"));
  const log = join(notes, "ready");
  writeFileSync(log, "");
  const program = join(directory, `${row.program}.mjs`);
  const command = row.pool
    ? [
      ...commandOn("node", cli),
      ...["-w", "1", "-l", `127.0.0.1:${port}`, program],
    ]
    : commandOn("node", program);
  const [file, args] = pinned(POOL_CPU, command);
  const child = spawn(file, args, {
    // A group of its own, so that nothing of it survives.
    detached: true,
    stdio: ["ignore", "ignore", "pipe"],
    env: cleanEnv({
      BENCH_PORT: String(port),
      BENCH_LOG: log,
      BENCH_WORKLOAD: workload,
    }),
  });
  let words = "";
  child.stderr.on("data", (text: Uint8Array) => void (words += text));
  const exited = new Promise<void>((resolve) => {
    child.once("exit", () => resolve());
  });
  const end = async (): Promise<void> => {
    await endGroup(child, exited);
    rmSync(notes, { recursive: true, force: true });
  };
  try {
    const by = performance.now() + PATIENCE_MS;
    for (;;) {
      const pid = Number(/ready (\d+)/.exec(readFileSync(log, "utf8"))?.[1]);
      if (pid > 0 && await answers(port)) {
        return answering(row, pid, port, workload, end);
      }
      if (performance.now() > by || child.exitCode !== null) {
        throw new Error(`Cannot start ${row.id}: ${words.trim()}`);
      }
      await sleep(LOOK_MS);
    }
  } catch (error) {
    await end();
    throw error;
  }
}

function answering(
  { id }: BridgeRow,
  pid: number,
  port: number,
  workload: string,
  end: () => Promise<void>,
): Answering {
  const { post } = WORKLOADS[workload]!;
  return {
    async measure(seconds) {
      const before = cpuOf(pid);
      const plan = { port, seconds, connections: CONNECTIONS, close: false };
      const { requests, rate, errors } = await wrk({ ...plan, post });
      if (errors > 0) throw new Error(`${id}, ${workload}: ${errors} errors`);
      return { cpu: (cpuOf(pid) - before) * 1000 / requests, rate };
    },
    [Symbol.asyncDispose]: end,
  };
}

async function answers(port: number): Promise<boolean> {
  try {
    const response = await fetch(`http://127.0.0.1:${port}/`, {
      method: "POST",
      body: "x",
    });
    await response.arrayBuffer();
    return response.ok;
  } catch {
    return false;
  }
}
