/** A pool of the library in a process of its own: it can be stopped and asked. */

import { spawn } from "node:child_process";
import type { PoolOptions, PoolStatus, WorkerStatus } from "../../mod.ts";
import { type Command, fixture, PATH, until, watch } from "../command.ts";
import {
  binary,
  cleanEnv,
  ownRuntime,
  type Runtime,
  runtimeArgs,
} from "../runtimes.ts";

/** What can be asked of the pool. */
export interface WatchedPool extends AsyncDisposable {
  /** Its process, and what it wrote. */
  readonly command: Command;
  /** The address of its first listener. */
  readonly address: string;
  /** Its status. */
  status(): Promise<PoolStatus>;
  /** Its workers that serve. */
  serving(): Promise<readonly WorkerStatus[]>;
  /** Wants so many workers, and waits until that many serve. */
  scale(count: number): Promise<void>;
  /** Reloads it. */
  reload(): Promise<void>;
  /** Stops it; resolves once nothing is left. */
  stop(): Promise<void>;
}

/** Starts a pool on this runner's runtime. */
export async function watchedPool(
  options: PoolOptions,
): Promise<WatchedPool> {
  const all: PoolOptions = {
    listen: "127.0.0.1:0",
    soak: 0,
    probation: 0,
    // The same for whoever runs it: see `prefork()` of command.ts.
    steer: options.share === "sharded" ? "auto" : "off",
    ...options,
  };
  const child = spawn(binary(ownRuntime), [
    ...runtimeArgs(ownRuntime, fixture("watched_pool.ts")),
    JSON.stringify(all),
  ], {
    env: cleanEnv({ PATH, NO_COLOR: "1" }),
    stdio: ["pipe", "pipe", "pipe"],
  });
  const command = watch(child);
  const answer = async (id: number, from: number): Promise<PoolStatus> => {
    const pattern = new RegExp(`^status ${id} (.*)$`);
    return JSON.parse((await command.line(pattern, from))[1]!);
  };
  let last = 0;
  const tell = (what: string): Promise<PoolStatus> => {
    const id = ++last;
    child.stdin!.write(`${id} ${what}\n`);
    return answer(id, command.lines.length);
  };
  const status = (): Promise<PoolStatus> => tell("status");
  const serving = async (): Promise<readonly WorkerStatus[]> =>
    (await status()).workers.filter(({ state }) => state === "ready");
  const { address } = (await answer(0, 0)).listeners[0]!;
  return {
    command,
    address,
    status,
    serving,
    async scale(count) {
      await tell(`scale ${count}`);
      await until(
        async () => {
          const { workers } = await status();
          return workers.length === count &&
            workers.every(({ state }) => state === "ready");
        },
        `${count} workers serve`,
      );
    },
    async reload() {
      await tell("reload");
    },
    async stop() {
      child.stdin!.end();
      await command.ended;
    },
    [Symbol.asyncDispose]: () => command[Symbol.asyncDispose](),
  };
}

/**
 * Clients stay where they are: a worker that holds more than its share would
 * have some come again.
 */
export const CLIENTS_STAY: Pick<PoolOptions, "rebalance"> = {
  rebalance: "off",
};

/** The runtimes of workers that a test is run with. */
export const WORKERS: Readonly<Record<string, Runtime>> = {
  "on node": "node",
  "on another runtime": ownRuntime === "node" ? "deno" : ownRuntime,
};

/** Bun's servers cannot pass on: there a worker that has enough stops accepting. */
export function passes(runtime: Runtime): boolean {
  return runtime !== "bun";
}

/** The sum of a number of several workers. */
export function sum(
  workers: readonly WorkerStatus[],
  of: (worker: WorkerStatus) => number,
): number {
  return workers.reduce((sum, worker) => sum + of(worker), 0);
}
