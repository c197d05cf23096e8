/**
 * `prefork doctor POOL`: looks at a pool that runs.
 *
 * @module
 */

import type { Adapter } from "../core/adapter.ts";
import type { Finding } from "../core/doctor/finding.ts";
import { type OpenFiles, poolFindings } from "../core/doctor/pool.ts";
import { type ControlDesk, lookFor } from "./control.ts";

/** Where pools are, and what is asked of the machine. */
export interface PoolMachine extends Omit<ControlDesk, "stdout"> {
  /** Reads a file of proc(5); undefined where there is none. */
  read(path: string): string | undefined;
  /** The names in a directory of it. */
  list(path: string): readonly string[];
}

/**
 * What is found of a pool; undefined where a word is none that runs.
 *
 * @throws {PreforkError} `ERR_CONTROL` when it can be nothing else
 */
export async function examinePool(
  target: string,
  { host }: Pick<Adapter, "host">,
  { read, list, ...desk }: PoolMachine,
): Promise<readonly Finding[] | undefined> {
  const told = await lookFor(target, desk);
  if (told === undefined) return undefined;
  const { pool: { name, pid }, status } = told;
  const filesOf = (pid: number, whose: string): readonly OpenFiles[] => {
    const [, soft] = /^Max open files +(\d+)/m.exec(
      read(`/proc/${pid}/limits`) ?? "",
    ) ?? [];
    const open = list(`/proc/${pid}/fd`).length;
    const limit = Number(soft);
    return soft === undefined || open === 0 ? [] : [{ whose, open, limit }];
  };
  return poolFindings({
    name,
    pid,
    status,
    files: [
      ...filesOf(pid, "the supervisor"),
      ...status.workers.flatMap((worker) =>
        filesOf(worker.pid, `the worker of slot ${worker.slot}`)
      ),
    ],
    memoryLimit: host.memoryGroup(pid)?.limit,
    rss: host.rss(pid),
  });
}
