/**
 * Keeps every shard of a pool accepted on: tells workers which shards of other
 * slots to take over and to give back.
 *
 * @module
 */

import {
  type AdoptionChange,
  adoptionChanges,
  type Adoptions,
  assignShards,
} from "./shards.ts";
import type { Listener } from "./listeners.ts";
import type { PoolEvent } from "../events.ts";
import type { PoolWorker } from "../worker.ts";

/** Assigns the shards of slots without a ready worker to other workers. */
export class Adoption {
  readonly #names: readonly string[];
  readonly #emit: (event: PoolEvent) => void;
  /** The shards whose queue was opened: a worker has listened on them. */
  readonly #used = new Set<number>();
  #present: Adoptions = new Map();
  /** The workers that accept, by slot. */
  readonly #ready = new Map<number, PoolWorker>();
  #changed = false;
  /** Who was told, since a slot's worker changes. */
  readonly #told = new Map<number, PoolWorker>();

  /** Makes one for the sharded listeners among a pool's. */
  constructor(
    listeners: readonly Listener[],
    emit: (event: PoolEvent) => void,
  ) {
    this.#names = listeners.filter(({ mode }) => mode === "sharded")
      .map(({ name }) => name);
    this.#emit = emit;
  }

  /** The shards whose queue was opened. */
  get used(): ReadonlySet<number> {
    return this.#used;
  }

  /** A worker of this slot may have opened the queue of its shard. */
  use(slot: number): void {
    if (this.#used.has(slot)) return;
    this.#used.add(slot);
    this.#changed = this.#names.length > 0;
  }

  /** Another worker of a slot accepts, or none does any more. */
  serve(slot: number, worker: PoolWorker | undefined): void {
    if (this.#names.length === 0) return;
    this.#changed = true;
    if (worker === undefined) this.#ready.delete(slot);
    else {
      this.#ready.set(slot, worker);
      this.#used.add(slot);
    }
  }

  /** Brings the assignment in line with who accepts. */
  update(): void {
    if (!this.#changed) return;
    this.#changed = false;
    const ready = this.#ready;
    const before = new Map(this.#present);
    for (const [shard, slot] of before) {
      // A new worker of the adopting slot has not been told.
      if (ready.get(slot) !== this.#told.get(shard)) before.delete(shard);
    }
    const after = assignShards(this.#used, new Set(ready.keys()), before);
    this.#present = after;
    for (const change of adoptionChanges(before, after)) {
      this.#tell(change, ready);
    }
  }

  #tell(
    { type, shard, slot }: AdoptionChange,
    ready: ReadonlyMap<number, PoolWorker>,
  ): void {
    const worker = ready.get(slot);
    if (type === "adopt") this.#told.set(shard, worker!);
    else this.#told.delete(shard);
    for (const listener of this.#names) {
      if (type === "adopt") worker?.toAdopt.add(`${listener} ${shard}`);
      worker?.tell({ type, listener, shard });
      if (type === "release" && worker !== undefined) {
        this.#emit({
          type: "shard-released",
          ...worker.identity,
          listener,
          shard,
        });
      }
    }
  }
}
