/**
 * The connections that workers want to pass on, and have not given up yet.
 *
 * @module
 */

import type { Connection } from "../adapter/connection.ts";
import type { PoolWorker } from "../worker.ts";

/** A connection that is passed on. */
export interface Pass {
  /** The worker that has accepted it. */
  readonly from: PoolWorker;
  /** The number that this worker has given it. */
  readonly id: number;
  /** Where it came in. */
  readonly listener: string;
  /** Our copy of it. */
  readonly connection: Connection;
}

const NONE: ReadonlyMap<number, Pass> = new Map();

/** Keeps those that their workers have not given up yet, in order. */
export class Passes {
  readonly #of = new Map<PoolWorker, Map<number, Pass>>();
  readonly #waiting = new Set<Pass>();
  readonly #promised = new Set<Pass>();

  /** How many there are. */
  get size(): number {
    return this.#waiting.size + this.#promised.size;
  }

  /** How many wait for a worker that is awake. */
  get waiting(): number {
    return this.#waiting.size;
  }

  /** How many have one, and are about to be given up. */
  get promised(): number {
    return this.#promised.size;
  }

  /** True for one whose worker was told of room. */
  isPromised(pass: Pass): boolean {
    return this.#promised.has(pass);
  }

  /** True while a worker has one here. */
  has(from: PoolWorker): boolean {
    return this.#of.has(from);
  }

  /** Those of a worker, by their number. */
  of(from: PoolWorker): ReadonlyMap<number, Pass> {
    return this.#of.get(from) ?? NONE;
  }

  /** Adds one, whose number its worker does not use otherwise. */
  add(pass: Pass): void {
    const own = this.#of.get(pass.from) ?? new Map<number, Pass>();
    this.#of.set(pass.from, own.set(pass.id, pass));
    this.#waiting.add(pass);
  }

  /** Tells the workers of the first so many that there is room. */
  room(count: number): void {
    for (const pass of this.#waiting) {
      if (count-- <= 0) return;
      this.#waiting.delete(pass);
      this.#promised.add(pass);
      pass.from.tell({ type: "room", id: pass.id });
    }
  }

  /** Takes one out, if it is here. */
  take(from: PoolWorker, id: number): Pass | undefined {
    const own = this.#of.get(from);
    const pass = own?.get(id);
    if (own === undefined || pass === undefined) return undefined;
    own.delete(id);
    if (own.size === 0) this.#of.delete(from);
    this.#waiting.delete(pass);
    this.#promised.delete(pass);
    return pass;
  }

  /** Takes all out. */
  drain(): readonly Pass[] {
    const all = [...this.#promised, ...this.#waiting];
    for (const { from, id } of all) this.take(from, id);
    return all;
  }
}
