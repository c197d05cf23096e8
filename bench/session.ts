/**
 * A row that runs: its processes, from the start to the end of all of them.
 *
 * @module
 */

import { type ChildProcess, spawn } from "node:child_process";
import {
  appendFileSync,
  mkdtempSync,
  readFileSync,
  realpathSync,
  rmSync,
} from "node:fs";
import net, { type AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { cleanEnv } from "../tests/runtimes.ts";
import { type Cpus, pinned } from "./clients/taskset.ts";
import type { Row } from "./rows.ts";

/** How long workers may take to start, and to tell their counts, in ms. */
const PATIENCE_MS = 180_000;

/** How long a supervisor may take to stop before it is killed, in ms. */
const STOP_MS = 3000;

/** How often the file of the workers is read, in ms. */
const LOOK_MS = 20;

/** How a row is to run. */
export interface SessionPlan {
  /** How many workers. */
  readonly workers: number;
  /** Where supervisor and workers run. */
  readonly cpus: Cpus;
  /** True for the supervisor that tells its status, where the row has one. */
  readonly watched?: boolean;
}

/** The processes of a row. */
export interface Session {
  /** The port on 127.0.0.1. */
  readonly port: number;
  /** The supervisor, or the one process. */
  readonly supervisor: number;
  /** The row's own. */
  readonly directory: string;
  /** The workers; the same process where there is only one. */
  readonly workers: readonly number[];
  /** How many requests each worker has answered so far. */
  served(): Promise<ReadonlyMap<number, number>>;
  /** How many connections have been passed on; of a watched supervisor only. */
  passedOn(): Promise<number>;
  /** Resolves when so many workers have ever said that they accept. */
  ready(count: number): Promise<void>;
  /** Ends all processes, and starts them again. */
  restart(): Promise<void>;
}

/**
 * Starts a row, runs something with it when all workers accept, and ends it.
 *
 * @throws when the workers do not accept or the function throws; with the last
 * words of the processes
 */
export async function withSession<T>(
  row: Row,
  plan: SessionPlan,
  use: (session: Session) => Promise<T>,
): Promise<T> {
  const port = await freePort();
  const workers = row.alone ? 1 : plan.workers;
  const directory = mkdtempSync(join(realpathSync(tmpdir()), "bench-"));
  const log = join(directory, "workers");
  const start = plan.watched === true ? row.watched ?? row.start : row.start;
  let words = "";
  const hear = (text: Uint8Array): void => {
    words = (words + text).slice(-2000);
  };
  const launch = (): Launched => {
    const { command, env, cwd } = start(port, workers, directory);
    const [file, args] = pinned(plan.cpus, command);
    const child = spawn(file, args, {
      // A group of its own, so that nothing of it survives the row.
      detached: true,
      stdio: ["ignore", "pipe", "pipe"],
      ...(cwd !== undefined && { cwd }),
      env: cleanEnv({
        ...env,
        BENCH_PORT: String(port),
        BENCH_WORKERS: String(workers),
        BENCH_LOG: log,
        BENCH_THREADS: row.threads === true ? "1" : undefined,
      }),
    });
    child.stdout.on("data", hear);
    child.stderr.on("data", hear);
    const launched = { child, gone: false, exited: ended(child) };
    void launched.exited.then(() => launched.gone = true);
    return launched;
  };

  /** The lines of one kind in the workers' file, once there are enough. */
  const lines = async (kind: string, count: number): Promise<string[][]> => {
    const end = performance.now() + PATIENCE_MS;
    for (;;) {
      const found = read(log).filter((fields) => fields[0] === kind);
      if (found.length >= count) return found;
      if (launched?.gone) throw new Error("it ended by itself");
      if (performance.now() > end) {
        throw new Error(
          `${found.length} of ${count} workers said "${kind}" within ${
            PATIENCE_MS / 1000
          } s`,
        );
      }
      await sleep(LOOK_MS);
    }
  };

  let launched: Launched | undefined;
  try {
    launched = launch();
    const ids = (await lines("ready", workers)).map((f) => Number(f[1]));
    let asked = 0;
    let looked = 0;
    return await use({
      port,
      supervisor: launched.child.pid!,
      directory,
      workers: ids,
      async served() {
        asked++;
        if (row.threads) appendFileSync(`${log}.asked`, "?");
        else for (const pid of ids) process.kill(pid, "SIGUSR2");
        const told = await lines("served", asked * ids.length);
        return new Map(told.map(([, id, n]) => [Number(id), Number(n)]));
      },
      async passedOn() {
        looked++;
        process.kill(launched!.child.pid!, "SIGUSR2");
        return Number((await lines("passed", looked)).at(-1)![1]);
      },
      async ready(count) {
        await lines("ready", count);
      },
      async restart() {
        await endGroup(launched!.child, launched!.exited);
        const before = read(log).filter(([kind]) => kind === "ready").length;
        launched = launch();
        await lines("ready", before + workers);
      },
    });
  } catch (error) {
    throw new Error(describe(error, words));
  } finally {
    if (launched) await endGroup(launched.child, launched.exited);
    rmSync(directory, { recursive: true, force: true });
  }
}

/** What was started. */
interface Launched {
  readonly child: ChildProcess;
  readonly exited: Promise<void>;
  gone: boolean;
}

function ended(child: ChildProcess): Promise<void> {
  return new Promise((resolve) => {
    child.once("exit", () => resolve());
    child.once("error", () => resolve());
  });
}

/**
 * Ends a process that leads a group: as it wishes, and what is left of
 * the group then, or after 3 s, by force.
 *
 * @param exited resolves when it has ended
 */
export async function endGroup(
  child: ChildProcess,
  exited: Promise<unknown>,
): Promise<void> {
  child.kill("SIGTERM");
  await Promise.race([exited, sleep(STOP_MS)]);
  try {
    if (child.pid !== undefined) process.kill(-child.pid, "SIGKILL");
  } catch {
    // Nothing is left of the group.
  }
  await exited;
}

/** Waits, in ms. */
export function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

function read(file: string): string[][] {
  let text = "";
  try {
    text = readFileSync(file, "utf8");
  } catch {
    // No worker has said anything yet.
  }
  return text.split("\n").map((line) => line.split(" "));
}

/** A port of 127.0.0.1 that nobody listens on. */
export function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = net.createServer();
    server.once("error", reject);
    server.listen(0, "127.0.0.1", () => {
      const { port } = server.address() as AddressInfo;
      server.close(() => resolve(port));
    });
  });
}

function describe(error: unknown, words: string): string {
  const why = error instanceof Error ? error.message : String(error);
  const problem = words.split("\n").filter((line) =>
    /error|cannot|panic/i.test(line)
  ).at(-1);
  return problem === undefined ? why : `${why}: ${problem.trim()}`;
}
