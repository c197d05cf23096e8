/**
 * The pools that one process runs, as its parent sees them: all of its sockets
 * are for all of them, and it hears of them as one.
 *
 * @module
 */

import type { Host } from "../host.ts";
import type { PoolConfig } from "../options/options.ts";

/** Where a pool wants to listen and to answer. */
export type PoolAsks = Pick<
  PoolConfig,
  "learns" | "listeners" | "health" | "metrics"
>;

/** A pool among those of its process, until it has ended or has not started. */
export interface PoolSeat extends Disposable {
  /** It serves. True where all of them do, for the first time. */
  serves(): boolean;
}

/** Those of this process. */
const processes = new WeakMap<Host, ProcessPools>();

/** The pools of a process. */
export class ProcessPools {
  /** Each, and true once it serves. */
  readonly #pools = new Map<PoolAsks, boolean>();
  readonly #told = new Set<string>();
  #served = false;

  /** Those of the process that a pool begins in. */
  static of(host: Host): ProcessPools {
    let pools = processes.get(host);
    if (pools === undefined) processes.set(host, pools = new ProcessPools());
    return pools;
  }

  /**
   * A pool begins: before it looks for its sockets, and in one turn with all
   * others that are started with it.
   */
  join(pool: PoolAsks): PoolSeat {
    this.#pools.set(pool, false);
    return {
      serves: () => this.#serves(pool),
      [Symbol.dispose]: () => {
        this.#pools.delete(pool);
        // The next one is the first again.
        if (this.#pools.size === 0) this.#told.clear();
      },
    };
  }

  /** What the others ask for. */
  others(pool: PoolAsks): readonly PoolAsks[] {
    return [...this.#pools.keys()].filter((each) => each !== pool);
  }

  /** Those sentences that none of them has said yet. */
  once(sentences: readonly string[]): readonly string[] {
    const fresh = sentences.filter((each) => !this.#told.has(each));
    for (const each of fresh) this.#told.add(each);
    return fresh;
  }

  #serves(pool: PoolAsks): boolean {
    this.#pools.set(pool, true);
    const before = this.#served;
    this.#served ||= [...this.#pools.values()].every((serves) => serves);
    return this.#served && !before;
  }
}
