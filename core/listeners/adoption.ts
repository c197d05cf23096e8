/**
 * Keeps every shard of a pool accepted on: tells workers which shards of other
 * slots to take over and to give back.
 *
 * @module
 */

import { type AdoptionChange, Shards } from "./shards.ts";
import type { PoolContext } from "../context.ts";
import type { Help } from "./help.ts";
import type { Steering } from "../steer/steering.ts";
import { isDatagram } from "../options/dgram.ts";
import type { PoolEvent } from "../events.ts";
import type { PoolWorker } from "../worker.ts";

/** What it needs of the pool. */
type AdoptionContext = Pick<PoolContext, "listeners" | "traffic" | "emit">;

/** Assigns the shards of slots without a ready worker to other workers. */
export class Adoption {
  readonly #names: readonly string[];
  readonly #help: Help | undefined;
  readonly #emit: (event: PoolEvent) => void;
  readonly #shards = new Shards();
  /** The workers that accept, by slot. */
  readonly #ready = new Map<number, PoolWorker>();

  readonly #steering: Steering;

  /**
   * Makes one for the sharded listeners among a pool's.
   *
   * @param help makes what helps stuck workers, where that can be
   */
  constructor(
    { listeners, traffic: { steering }, emit }: AdoptionContext,
    help?: (adoption: Adoption) => Help,
  ) {
    this.#steering = steering;
    this.#help = help?.(this);
    const sharded = listeners.filter(({ mode }) => mode === "sharded");
    this.#names = sharded.map(({ name }) => name);
    this.#emit = emit;
    // A socket of UDP gets its part from the moment on in which it is bound.
    const [datagrams] = sharded.filter(isDatagram);
    for (const shard of datagrams?.sockets.keys() ?? []) this.use(shard);
  }

  /** The shards whose queue was opened. */
  get used(): ReadonlySet<number> {
    return this.#shards.used;
  }

  /** A worker of this slot may have opened the queue of its shard. */
  use(slot: number): void {
    this.#shards.use(slot);
  }

  /** Another worker of a slot accepts, or none does any more. */
  serve(slot: number, worker: PoolWorker | undefined): void {
    if (this.#names.length === 0) return;
    this.#steering.serve(slot, worker);
    const before = this.#ready.get(slot);
    if (before !== undefined) this.#help?.leave(before);
    // A new worker has not been told what the one before it has adopted.
    this.#shards.leave(slot);
    this.#ready.delete(slot);
    if (this.#ready.size === 0) this.#help?.close();
    if (worker === undefined) return;
    this.#ready.set(slot, worker);
    this.#shards.join(slot);
  }

  /** The shards in use, and the worker that accepts on each, where one does. */
  *acceptors(): Iterable<readonly [shard: number, PoolWorker | undefined]> {
    for (const shard of this.#shards.used) {
      const slot = this.#shards.acceptorOf(shard);
      yield [shard, slot === undefined ? undefined : this.#ready.get(slot)];
    }
  }

  /** The workers that accept. */
  workers(): Iterable<PoolWorker> {
    return this.#ready.values();
  }

  /** Something happens in a worker. */
  active(): void {
    this.#help?.active();
  }

  /** Brings the assignment in line with who accepts. */
  update(): void {
    if (this.#names.length === 0) return;
    for (const change of this.#shards.changes()) this.#tell(change);
  }

  #tell({ type, shard, slot }: AdoptionChange): void {
    const worker = this.#ready.get(slot)!;
    for (const listener of this.#names) {
      if (type === "adopt") worker.toAdopt.ask(listener, shard);
      worker.tell({ type, listener, shard });
      if (type === "adopt") continue;
      this.#emit({
        type: "shard-released",
        ...worker.identity,
        listener,
        shard,
      });
    }
  }
}
