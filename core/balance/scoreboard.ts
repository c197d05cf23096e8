/**
 * The scoreboard: a file in memory that all workers of a pool have open. Each
 * writes one row about itself and reads those of the others, without asking
 * anybody; the supervisor reads it for its status. (Apache's httpd has the same
 * under the same name: server/scoreboard.c.)
 *
 * @module
 */

import type { SharedFile } from "../adapter.ts";
import { Heap } from "../heap.ts";
import { MAX_WORKERS } from "../options/values.ts";
import type { Rebalance } from "../options/rebalance.ts";
import type { Score } from "./policy.ts";
import type { SteerSeat } from "../steer/steer.ts";

/** What one worker says of itself. */
export interface ScoreboardRow extends Score {
  /** When it was written, in ms since 1970; a worker that hangs writes none. */
  readonly beat: number;
  /** False before it accepts, and once it drains. */
  readonly serving: boolean;
  /** True when it takes connections that others pass on. */
  readonly takes: boolean;
  /** Connections that it has accepted and kept since its start. */
  readonly accepted: number;
  /** Connections that it has passed on. */
  readonly passedOn: number;
  /** Connections that others have passed on to it. */
  readonly takenOver: number;
  /**
   * The number of the last connection that it wanted to pass on and serves
   * itself; 0 before there was one. It is written before that is served: should
   * the worker die, nobody else can serve what it has read from.
   */
  readonly kept: number;
  /** True when it has a server whose requests can be counted. */
  readonly counts: boolean;
  /** Requests that it has begun since its start. */
  readonly requests: number;
  /**
   * What 99 of 100 timers of the last minute were late by at most, in ms; 0
   * before there was one.
   */
  readonly lag: number;
  /** Connections that it has ended since its start because it held too many. */
  readonly moved: number;
}

/** The fields in their order, each a double; there is no room for more. */
const FIELDS = [
  "beat",
  "serving",
  "takes",
  "open",
  "busy",
  "ended",
  "recent",
  "weight",
  "accepted",
  "passedOn",
  "takenOver",
  "kept",
  "requests",
  "lag",
  "moved",
] as const satisfies readonly (keyof ScoreboardRow)[];

/** The field of requests where they cannot be counted. */
const UNCOUNTED = -1;

/** The length of a row, in bytes. */
export const ROW_BYTES = 128;

/**
 * Where in a row, in bytes, a worker that has the file mapped into its memory
 * writes when it has begun something last in this turn of its event loop, in ms
 * since 1970, or `IDLE`: too often for a system call each time.
 */
export const TOUCHED_AT = 120;

/** The event loop has turned since. */
export const IDLE = -1;

/** After so many ms without a new row a worker counts as hung. */
export const HUNG_MS = 1000;

const DOUBLES = ROW_BYTES / 8;

/** How many seats there are: all workers twice, while a reload replaces them. */
const SEATS = 2 * MAX_WORKERS;

/**
 * The size of the file, most of which is never touched and takes no memory. It
 * is fixed, so that no worker can take the others' rows away from them.
 */
export const BOARD_BYTES: number = SEATS * ROW_BYTES;

/** Written where nobody sits any more: readers find that there are seats. */
const LEFT = -1;

/**
 * True when a row was given to somebody once. Seats are given from the first
 * on, so whoever reads up to one that never was has read them all.
 */
export function wasTaken(board: Float64Array, seat: number): boolean {
  return (board[seat * DOUBLES] ?? 0) !== 0;
}

/** Writes a row. */
export function encodeRow(row: ScoreboardRow): Uint8Array {
  const doubles = new Float64Array(DOUBLES);
  for (const [i, name] of FIELDS.entries()) doubles[i] = Number(row[name]);
  if (!row.counts) doubles[FIELDS.indexOf("requests")] = UNCOUNTED;
  return new Uint8Array(doubles.buffer);
}

/** Reads the row of a seat; undefined when nobody sits there. */
export function decodeRow(
  board: Float64Array,
  seat: number,
): ScoreboardRow | undefined {
  const at = seat * DOUBLES;
  const field = (name: typeof FIELDS[number]): number =>
    board[at + FIELDS.indexOf(name)] ?? 0;
  // What is written while it is read may be half of each: no number of it may
  // do harm.
  const count = (name: typeof FIELDS[number]): number => {
    const value = field(name);
    return value >= 0 && Number.isFinite(value) ? value : 0;
  };
  if (count("beat") === 0) return undefined;
  return {
    beat: count("beat"),
    serving: field("serving") === 1,
    takes: field("takes") === 1,
    open: count("open"),
    busy: Math.min(1, count("busy")),
    ended: count("ended"),
    recent: count("recent"),
    weight: count("weight") || 1,
    accepted: count("accepted"),
    passedOn: count("passedOn"),
    takenOver: count("takenOver"),
    kept: count("kept"),
    counts: field("requests") >= 0,
    requests: count("requests"),
    lag: count("lag"),
    moved: count("moved"),
  };
}

/**
 * When a worker has begun something last, in ms since 1970, or `IDLE` where its
 * event loop has turned since; undefined for one that does not say.
 */
function touchedIn(
  board: Float64Array,
  seat: number,
): number | undefined {
  return board[(seat * ROW_BYTES + TOUCHED_AT) / 8] || undefined;
}

/** True for a worker that accepts connections and does not hang. */
export function isServing(row: ScoreboardRow, now: number): boolean {
  return row.serving && Math.abs(now - row.beat) < HUNG_MS;
}

/** The place of a worker among others that share connections evenly. */
export interface Seat {
  /** The scoreboard. */
  readonly fd: number;
  /** The number of its own row there. */
  readonly seat: number;
  /** Its part of new connections, in relation to the others'. */
  readonly weight: number;
  /** True when the supervisor passes connections on. */
  readonly passes: boolean;
  /** Where the kernel chooses among shards by load: where that is written. */
  readonly steer?: SteerSeat;
  /** True where idle workers help stuck ones: it says when it begins something. */
  readonly helps?: boolean;
  /** Where it ends connections when it has too many: which ones. */
  readonly rebalance?: Exclude<Rebalance, "off">;
}

/** The supervisor's hold on the scoreboard. */
export interface Scoreboard {
  /** The file, for workers to inherit. */
  readonly file: SharedFile;
  /**
   * Gives a new worker a seat: the place of its row. Undefined when there is
   * none left.
   */
  allot(): number | undefined;
  /** A worker is gone: others see it no more. */
  clear(seat: number): void;
  /** Reads all rows anew, or the one of a seat. */
  look(seat?: number): void;
  /**
   * What a worker had said at the last look, or undefined when it had said
   * nothing yet.
   */
  row(seat: number | undefined): ScoreboardRow | undefined;
  /**
   * The same of when it has begun something last, in ms since 1970, or `IDLE`.
   */
  touched(seat: number | undefined): number | undefined;
}

/** Makes the scoreboard of a pool. */
export function createScoreboard(file: SharedFile): Scoreboard {
  /** Seats that somebody has left: the first of them is given first. */
  const free = new Heap<number>((a, b) => a < b);
  /** All from this one on were given to nobody yet. */
  let next = 0;
  let board = new Float64Array();
  const leave = (seat: number): void => {
    const row = new Float64Array(DOUBLES);
    row[0] = LEFT;
    file.write(new Uint8Array(row.buffer), seat * ROW_BYTES);
  };
  return {
    file,
    allot() {
      const left = free.pop();
      if (left !== undefined) return left;
      if (next >= SEATS) return undefined;
      if ((next + 1) * DOUBLES > board.length) {
        board = new Float64Array(2 * (next + 1) * DOUBLES);
      }
      leave(next);
      return next++;
    },
    clear(seat) {
      free.push(seat);
      leave(seat);
    },
    look(seat) {
      const rows = seat === undefined
        ? new Uint8Array(board.buffer)
        : new Uint8Array(board.buffer, seat * ROW_BYTES, ROW_BYTES);
      file.read(rows, rows.byteOffset);
    },
    row: (seat) => seat === undefined ? undefined : decodeRow(board, seat),
    touched: (seat) => seat === undefined ? undefined : touchedIn(board, seat),
  };
}
