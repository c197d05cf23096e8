/**
 * Which worker has which client: because it said that an id is its own, because
 * the client was sent there before, or else by a hash.
 *
 * @module
 */

import { MAX_ID } from "../protocol.ts";

/**
 * How many ids are remembered. Beyond it the owner with most of them loses the
 * one that was not heard of for longest: whoever floods the memory washes out
 * its own.
 */
const MAX_STICKY_IDS = 100_000;

/** Remembers ids and their owners: what HAProxy calls a stick table. */
export class StickTable<T> {
  readonly #owners = new Map<string, T>();
  /** Of each owner, least recently used first. */
  readonly #ids = new Map<T, Set<string>>();
  readonly #max: number;

  /** Makes an empty memory. */
  constructor(max: number = MAX_STICKY_IDS) {
    this.#max = max;
  }

  /** How many ids are remembered. */
  get size(): number {
    return this.#owners.size;
  }

  /** An id is a worker's own from now on. */
  add(id: string, owner: T): void {
    if (id.length > MAX_ID) return;
    this.#remove(id);
    this.#owners.set(id, owner);
    const own = this.#ids.get(owner) ?? new Set();
    this.#ids.set(owner, own.add(id));
    if (this.#owners.size <= this.#max) return;
    let most = own;
    for (const ids of this.#ids.values()) if (ids.size > most.size) most = ids;
    for (const oldest of most) return this.#remove(oldest);
  }

  /** Whose an id is, as far as anybody said. */
  owner(id: string): T | undefined {
    const owner = this.#owners.get(id);
    if (owner !== undefined) this.add(id, owner);
    return owner;
  }

  /** A worker is gone, and its ids with it. */
  drop(owner: T): void {
    for (const id of this.#ids.get(owner) ?? []) this.#owners.delete(id);
    this.#ids.delete(owner);
  }

  #remove(id: string): void {
    const owner = this.#owners.get(id);
    if (owner === undefined) return;
    this.#owners.delete(id);
    this.#ids.get(owner)!.delete(id);
  }
}

/**
 * The slot for a key; undefined when there is none. Rendezvous hashing: every
 * pair of a key and a slot has a fixed random weight, and the heaviest slot
 * gets the key (Thaler and Ravishankar, "Using name-based mappings to increase
 * hit rates", 1998). A slot that leaves moves its own keys only, a slot that
 * joins takes over only what becomes its own.
 */
export function rendezvous(
  key: string,
  slots: Iterable<number>,
): number | undefined {
  const seed = hash(key);
  let best: number | undefined;
  let most = -1;
  for (const slot of slots) {
    const weight = scramble(seed ^ scramble(slot + 1));
    // Equal weights: the lower number, whatever the order they come in.
    if (weight > most || (weight === most && slot < best!)) {
      best = slot;
      most = weight;
    }
  }
  return best;
}

/** FNV-1a with 32 bits (RFC 9923) over UTF-16 units. */
function hash(text: string): number {
  let value = 0x811c9dc5;
  for (let i = 0; i < text.length; i++) {
    value = Math.imul(value ^ text.charCodeAt(i), 0x01000193);
  }
  return value;
}

/** The finalizer of MurmurHash3: each bit in moves about half of those out. */
function scramble(value: number): number {
  value = Math.imul(value ^ (value >>> 16), 0x85ebca6b);
  value = Math.imul(value ^ (value >>> 13), 0xc2b2ae35);
  return (value ^ (value >>> 16)) >>> 0;
}
