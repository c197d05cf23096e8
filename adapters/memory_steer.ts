/**
 * What has the kernel choose among shards, in the world in memory.
 *
 * @module
 */

import type { Steer } from "../core/steer/steer.ts";
import {
  STEER_ROW_BYTES,
  type SteerTable,
  steerTable,
} from "../core/steer/table.ts";

/** The kernel of the world in memory, as far as shards go. */
export class MemorySteering {
  /** Why nothing can choose, if that is so. */
  problem: string | undefined = "this is the world in memory";
  /** Why a shard cannot be chosen, if that is so. */
  putProblem: string | undefined;
  /** The table that was made last. */
  table: SteerTable | undefined;
  /** The maps of a predecessor that were taken over. */
  readonly maps: number[] = [];
  /** The shards that can be chosen. */
  readonly put: Set<number> = new Set();
  /** What was done, in order. */
  readonly done: string[] = [];

  /** See {@linkcode Adapter.steer}. */
  steer(slots: number): Steer {
    if (this.problem !== undefined) throw new Error(this.problem);
    const table = steerTable(new ArrayBuffer(slots * STEER_ROW_BYTES));
    this.table = table;
    return {
      fd: 12,
      table,
      load: (before) => ({
        map: this.#mapOf(before),
        put: (slot) => {
          if (this.putProblem !== undefined) throw new Error(this.putProblem);
          if (this.put.has(slot)) return false;
          this.put.add(slot);
          this.done.push(`put ${slot}`);
          return true;
        },
        attach: () => void this.done.push("attach"),
        detach: () => void this.done.push("detach"),
      }),
      close: () => void this.done.push("close"),
    };
  }

  #mapOf(before: number | undefined): number {
    if (before !== undefined) this.maps.push(before);
    return before ?? 13;
  }
}
