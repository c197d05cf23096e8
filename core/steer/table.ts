/**
 * The load table of steered shards: memory that the kernel's program, the
 * supervisor and all workers of a pool have in common, with a row for each slot.
 * Every word has one writer at a time.
 *
 * @module
 */

/**
 * Where each word of a row is, in bytes. All have 32 bits but those of the
 * kernel, which have 64.
 */
export const ROW = {
  /** The kernel: connections that it has given to the shard, ever. */
  assigned: 0,
  /** The kernel: how many all shards had been given when this one was last. */
  turn: 8,
  /** The owner: how many of those are over. */
  finished: 16,
  /** The owner: so many connections more than it has it counts for. */
  bias: 20,
  /** The owner: 1 while it takes none, since a server of it is full. */
  full: 24,
  /** The owner: its seat on the scoreboard and 1, once it writes here. */
  writer: 28,
  /**
   * The owner: when it has begun a request or a connection last, on the kernel's
   * clock, or 0 once its event loop has turned since.
   */
  begun: 36,
  /** The supervisor: how many of those that it was given others have accepted. */
  helped: 40,
  /** The supervisor: the seat and 1 of the worker that may write; 0 for none. */
  owner: 32,
  /** The supervisor: how light the slot is; see {@linkcode lightnessOf}. */
  light: 44,
} as const;

/** The length of a row in bytes: one line of a cache. */
export const STEER_ROW_BYTES = 64;

/** Words of 32 bits in a row. */
const WORDS = STEER_ROW_BYTES / 4;

/** The table as a process sees it. */
export interface SteerTable {
  /** Reads a word of a slot; of one of 64 bits the lower half. */
  get(slot: number, word: keyof typeof ROW): number;
  /** Writes one. */
  set(slot: number, word: keyof typeof ROW, value: number): void;
}

/** Reads and writes the table in mapped memory. */
export function steerTable(memory: ArrayBuffer): SteerTable {
  const words = new Uint32Array(memory);
  const at = (slot: number, word: keyof typeof ROW): number =>
    slot * WORDS + ROW[word] / 4;
  return {
    get: (slot, word) => words[at(slot, word)]!,
    set: (slot, word, value) => void (words[at(slot, word)] = value),
  };
}

/**
 * A unit of the kernel's clock in this table: so many powers of two nanoseconds
 * of CLOCK_MONOTONIC, about a quarter of a millisecond. Numbers have 32 bits and
 * wrap around.
 */
export const CLOCK_SHIFT = 18;

/** A time of CLOCK_MONOTONIC in ms, in this unit; never 0, which is no time. */
export function clockUnits(ms: number): number {
  return Math.floor(ms * 1e6 / 2 ** CLOCK_SHIFT) >>> 0 || 1;
}

/**
 * Who is in a callback for so many units counts for so many connections more than
 * it has. What it is given waits, and by its short connections alone it would not
 * seem so: each of the others has just begun or ended one. In a burst, where many
 * are off their CPU for some ms, it costs a worker so many, not its share. Sooner
 * would keep connections from workers that are soon done, and wake idle ones in
 * their stead.
 */
export const HELD_UP = { after: 4, counts: 2 } as const;

/** The most by which weights can differ, as `weights` are checked. */
const WIDEST = 1e6;

/**
 * What a connection counts for in a slot of the greatest weight; in a lighter one
 * it counts for as much more as that is lighter.
 */
export const HEAVIEST = 16;

/**
 * What a slot's connections count for beyond {@linkcode HEAVIEST}, by its weight
 * and the greatest that there is.
 */
export function lightnessOf(weight: number, greatest: number): number {
  const times = Math.min(WIDEST, greatest / weight);
  return Math.round(HEAVIEST * times) - HEAVIEST;
}

/** What a slot is loaded with, as the kernel's program sees it at a time. */
export function loadIn(table: SteerTable, slot: number, now = 0): number {
  const assigned = table.get(slot, "assigned");
  const begun = table.get(slot, "begun");
  const heldUp = begun === 0 ? 0 : Math.max(0, now - begun | 0);
  const over = table.get(slot, "finished") + table.get(slot, "helped");
  const load = (assigned - over | 0) + (table.get(slot, "bias") | 0) +
    (heldUp >= HELD_UP.after ? HELD_UP.counts : 0);
  return load * (HEAVIEST + table.get(slot, "light")) / HEAVIEST;
}
