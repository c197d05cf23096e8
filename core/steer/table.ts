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
  /** The owner: 1 while it is in a callback of a request or a connection. */
  busy: 36,
  /** The supervisor: the seat and 1 of the worker that may write; 0 for none. */
  owner: 32,
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
 * Who is in a callback counts for so many connections more than it has. Short
 * ones are mostly 0 or 1 a worker, so that one more of these would be no reason
 * against who is held up; and of many that come at once it may cost a worker so
 * many, not its share.
 */
export const BUSY_COUNTS = 2;

/** What a slot is loaded with, as the kernel's program sees it. */
export function loadIn(table: SteerTable, slot: number): number {
  const assigned = table.get(slot, "assigned");
  return (assigned - table.get(slot, "finished") | 0) +
    (table.get(slot, "bias") | 0) + BUSY_COUNTS * table.get(slot, "busy");
}
