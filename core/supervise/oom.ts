/**
 * Workers that ran out of memory: killed by the kernel, which counts such ends
 * for each cgroup, or ended by their own runtime, which says so on stderr.
 *
 * @module
 */

import type { ExitStatus } from "../adapter.ts";
import type { PoolContext } from "../context.ts";
import type { MemoryGroup } from "../adapter/look.ts";
import { pidOf, type PoolWorker } from "../worker.ts";
import { isEndedBy } from "./exit_status.ts";

/**
 * What V8 says of a heap that is full, before it aborts: Node 22.12 and 26.10
 * by SIGABRT ("FATAL ERROR: Reached heap limit Allocation failed - JavaScript
 * heap out of memory"), Deno 2.9.5 by SIGTRAP ("# Fatal JavaScript out of
 * memory: Reached heap limit"). Bun 1.4.4 has no limit: only the kernel ends it.
 */
const FULL = /^(?:FATAL ERROR:|# Fatal) .*\bout of memory\b/;

/**
 * How long a kill that the kernel has counted waits for the worker it was, in
 * ms; the end of a process takes as long as to give back its memory. One that
 * no worker's end explains by then was that of another process of the group.
 */
const EXPLAINED_MS = 10_000;

/** A cgroup with workers, and what was counted there. */
interface Watched {
  readonly group: MemoryGroup;
  /** How many kills were counted at the last look. */
  kills: number;
  /** When each of those was seen that no end has explained. */
  open: number[];
}

/** How often the memory of workers is looked at, in ms. */
export const LOOK_MS = 5_000;

/** What it needs of the pool. */
type MemoryContext = Pick<PoolContext, "adapter" | "post">;

/** Looks at the memory of workers, and tells ends for it from others. */
export class OutOfMemory {
  readonly #context: MemoryContext;
  readonly #onLook: (worker: PoolWorker) => void;
  readonly #workers = new Map<PoolWorker, Watched | undefined>();
  readonly #groups = new Map<string, Watched>();
  #timer: Disposable | undefined;

  /** Watches nobody yet; `onLook` is told whose memory was looked at. */
  constructor(context: MemoryContext, onLook: (worker: PoolWorker) => void) {
    this.#context = context;
    this.#onLook = onLook;
  }

  /** A worker was started, or its program is another process by now. */
  watch(worker: PoolWorker): void {
    const group = this.#context.adapter.host.memoryGroup(pidOf(worker));
    this.#workers.set(worker, group && this.#watchedIn(group));
    if (this.#timer === undefined) this.#lookLater();
  }

  /** A worker is gone. */
  end(worker: PoolWorker): void {
    this.#workers.delete(worker);
    if (this.#workers.size > 0) return;
    this.#groups.clear();
    this.#timer?.[Symbol.dispose]();
    this.#timer = undefined;
  }

  /** How a worker has ended, when that was for memory and not by the pool. */
  explain(worker: PoolWorker, status: ExitStatus): string | undefined {
    const { full, hung, state } = worker;
    if (hung || state === "killed") return undefined;
    const aborted = isEndedBy("SIGABRT", status) ||
      isEndedBy("SIGTRAP", status);
    const how = full !== undefined && aborted
      ? `its heap was full: ${full}`
      : isEndedBy("SIGKILL", status) && this.#wasKilled(worker)
      ? "the kernel has killed it for memory"
      : undefined;
    return how && `${how}${this.#held(worker)}`;
  }

  #wasKilled(worker: PoolWorker): boolean {
    const watched = this.#workers.get(worker);
    if (watched === undefined) return false;
    this.#count(watched);
    return watched.open.shift() !== undefined;
  }

  #watchedIn(group: MemoryGroup): Watched {
    const known = this.#groups.get(group.path);
    if (known !== undefined) return known;
    const watched = { group, kills: group.kills() ?? 0, open: [] };
    this.#groups.set(group.path, watched);
    return watched;
  }

  #lookLater(): void {
    const { adapter: { clock, host }, post } = this.#context;
    this.#timer = clock.after(LOOK_MS, () =>
      post(() => {
        // The last one may have gone in the same moment.
        if (this.#timer === undefined) return;
        this.#lookLater();
        for (const watched of this.#groups.values()) this.#count(watched);
        for (const worker of this.#workers.keys()) {
          const bytes = host.rss(pidOf(worker));
          if (bytes === undefined) continue;
          worker.rss = { bytes, at: clock.now() };
          this.#onLook(worker);
        }
      }));
  }

  #count(watched: Watched): void {
    const now = this.#context.adapter.clock.now();
    const { group, kills, open } = watched;
    watched.kills = group.kills() ?? kills;
    watched.open = [
      ...open.filter((at) => now - at < EXPLAINED_MS),
      ...Array<number>(Math.max(0, watched.kills - kills)).fill(now),
    ];
  }

  #held({ rss }: PoolWorker): string {
    if (rss === undefined) return "";
    const ago = Math.round((this.#context.adapter.clock.now() - rss.at) / 1000);
    return `; it held ${mib(rss.bytes)} ${ago} s before`;
  }
}

/** What a runtime says of a heap that is full, if that is what the line is. */
export function fullIn(line: string): string | undefined {
  return FULL.test(line) ? line.slice(0, 200) : undefined;
}

const MIB = 2 ** 20;

/** Bytes as the lines of the log show them. */
export function mib(bytes: number): string {
  return `${(bytes / MIB).toFixed(1)} MiB`;
}
