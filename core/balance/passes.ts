/**
 * Connections that workers want to pass on and have not given up yet.
 *
 * @module
 */

import type { Connection } from "../adapter.ts";
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

/** Keeps them, in the order in which they came. */
export class Passes {
  readonly #of = new Map<PoolWorker, Map<number, Pass>>();
  readonly #hopeful = new Set<Pass>();
  readonly #promised = new Set<Pass>();

  /** How many there are. */
  get size(): number {
    return this.#hopeful.size + this.#promised.size;
  }

  /** How many wait for a worker that is awake. */
  get hopeful(): number {
    return this.#hopeful.size;
  }

  /** How many have one, and are about to be given up. */
  get promised(): number {
    return this.#promised.size;
  }

  /** True while a worker has one here. */
  has(from: PoolWorker): boolean {
    return this.#of.has(from);
  }

  /** Adds one; false when its worker has one of the same number here. */
  add(pass: Pass): boolean {
    const own = this.#of.get(pass.from) ?? new Map<number, Pass>();
    if (own.has(pass.id)) return false;
    this.#of.set(pass.from, own.set(pass.id, pass));
    this.#hopeful.add(pass);
    return true;
  }

  /** Tells the workers of the first so many that there is room. */
  promise(count: number): void {
    for (const pass of this.#hopeful) {
      if (count-- <= 0) return;
      this.#hopeful.delete(pass);
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
    this.#hopeful.delete(pass);
    this.#promised.delete(pass);
    return pass;
  }

  /** Takes all out, or all of a worker. */
  drain(from?: PoolWorker): readonly Pass[] {
    const all = from === undefined
      ? [...this.#promised, ...this.#hopeful]
      : [...this.#of.get(from)?.values() ?? []];
    for (const { from, id } of all) this.take(from, id);
    return all;
  }
}
