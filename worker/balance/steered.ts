/**
 * The worker's part in `steer`: it writes into the load table what it holds,
 * and the kernel gives new connections to who holds least.
 *
 * The kernel counts what it has assigned, the worker what of that is over, so
 * that nothing is lost between the two. What was assigned and never came, since
 * a handshake was broken off, is over after a second.
 *
 * @module
 */

import process from "node:process";
import type { Seat } from "../../core/balance/scoreboard.ts";
import { messageOf } from "../../core/errors.ts";
import type { InheritedListener } from "../../core/launch/environment.ts";
import type { SteerSeat } from "../../core/steer/steer.ts";
import {
  clockUnits,
  STEER_ROW_BYTES,
  type SteerTable,
  steerTable,
} from "../../core/steer/table.ts";
import { monotonicMs } from "../../libc/clock.ts";
import { duplicate, mapShared } from "../../libc/libc.ts";
import { listenQueue } from "../../libc/listen_queue.ts";
import { openLibc } from "../../libc/open.ts";

/** What a worker holds. */
export interface Holding {
  /** Its open connections. */
  readonly held: number;
  /** How many have come since its start, as far as they were seen. */
  readonly came: number;
  /** Requests since then, where connections come and go unseen; else undefined. */
  readonly asked: number | undefined;
}

/** The own row of the load table. */
export interface Steered {
  /** Says that this worker writes, before it is ready. */
  announce(): void;
  /** Writes what the worker holds. */
  write(holding: Holding): void;
  /** The same, once in a while: looks for what never came. */
  settle(holding: Holding): void;
  /** So many connections more than it holds it counts for. */
  lean(bias: number): void;
  /** It has begun a request or a connection. */
  begin(): void;
  /** Its event loop has turned since. */
  turn(): void;
  /** It takes none for the time being, or some again. */
  full(is: boolean): void;
}

/** What it needs. */
export interface SteeredParts {
  /** The load table. */
  readonly table: SteerTable;
  /** The number by which its rows say whose they are. */
  readonly writer: number;
  /** The slot that the worker fills. */
  readonly slot: () => number;
  /** How many connections wait on the slot's shards. */
  readonly queued: () => number;
  /** The kernel's clock, CLOCK_MONOTONIC, in ms. */
  readonly now: () => number;
}

/** After so many looks at which something was missing it is lost. */
const PATIENCE = 10;

/**
 * Opens the inherited load table.
 *
 * @throws {Error} where it cannot be mapped
 */
function openSteerTable({ fd, slots }: SteerSeat): SteerTable {
  return steerTable(mapShared(openLibc(), fd, slots * STEER_ROW_BYTES));
}

/** Makes the part of this process. */
export function createSteered(parts: SteeredParts): Steered {
  const { table, writer, queued } = parts;
  let endedBefore = 0;
  let before: Holding = { held: 0, came: 0, asked: 0 };
  /** Less than 0: so many may not have asked anything yet. */
  let asking = 0;
  let isFull = false;
  let bias = 0;
  let looks = 0;
  /** The least that was missing at any of the last looks. */
  let missing = Infinity;

  /** True while the row is this worker's: it alone writes into it then. */
  const owns = (slot: number): boolean => table.get(slot, "owner") === writer;
  const finish = (slot: number, more: number): void =>
    table.set(slot, "finished", table.get(slot, "finished") + more);
  /** What was assigned and neither is here nor over. */
  const excess = (slot: number, held: number): number =>
    (table.get(slot, "assigned") - table.get(slot, "finished") -
        table.get(slot, "helped") | 0) - held;

  /**
   * How many may have come and gone unseen since the last call: each has asked
   * something. Where a handshake takes long nobody has yet.
   */
  const unseen = (holding: Holding): number => {
    const { held, came, asked } = holding;
    if (asked === undefined) return 0;
    asking += asked - (before.asked ?? asked) - (came - before.came);
    const more = Math.max(0, asking);
    asking = Math.max(-held, Math.min(0, asking));
    return more;
  };
  const write: Steered["write"] = (holding) => {
    const slot = parts.slot();
    const { held, came } = holding;
    const ended = Math.max(0, came - held);
    const over = Math.max(0, ended - endedBefore) + unseen(holding);
    endedBefore = ended;
    before = holding;
    if (!owns(slot)) {
      missing = Infinity;
      return;
    }
    table.set(slot, "full", isFull ? 1 : 0);
    table.set(slot, "bias", bias);
    // Below 0 it holds what was assigned to no row, or to another one.
    finish(slot, Math.min(excess(slot, held), over));
  };

  return {
    announce: () => table.set(parts.slot(), "writer", writer),
    write,
    settle(holding) {
      write(holding);
      const slot = parts.slot();
      if (!owns(slot)) return;
      const more = excess(slot, holding.held);
      missing = Math.min(missing, more > 0 ? more - queued() : 0);
      if (++looks < PATIENCE) return;
      if (missing > 0 && missing < Infinity) finish(slot, missing);
      looks = 0;
      missing = Infinity;
    },
    lean(more) {
      bias = more;
    },
    begin() {
      const slot = parts.slot();
      if (owns(slot)) table.set(slot, "begun", clockUnits(parts.now()));
    },
    turn() {
      const slot = parts.slot();
      if (owns(slot)) table.set(slot, "begun", 0);
    },
    full(is) {
      isFull = is;
      const slot = parts.slot();
      if (owns(slot)) table.set(slot, "full", is ? 1 : 0);
    },
  };
}

/**
 * The part of this process; undefined where the pool does not steer, and where
 * this process cannot write into the table, of which it says why.
 */
export function steeredBy(
  { seat, steer }: Seat,
  listeners: readonly InheritedListener[],
  slot: () => number,
): Steered | undefined {
  if (steer === undefined) return undefined;
  try {
    const libc = openLibc();
    const sharded = listeners.filter(({ mode }) => mode === "sharded");
    // Of its own: a server closes those that it was given.
    const shards = sharded.map(({ fds }) =>
      fds.map((fd) => duplicate(libc, fd))
    );
    const queued = (): number =>
      shards.reduce((sum, fds) => {
        const { queued = 0 } = listenQueue(libc, fds[slot()] ?? -1) ?? {};
        return sum + queued;
      }, 0);
    const table = openSteerTable(steer);
    const now = monotonicMs(libc);
    return createSteered({ table, writer: seat + 1, slot, queued, now });
  } catch (error) {
    process.stderr.write(
      `this worker cannot tell the kernel what it holds: ${messageOf(error)}\n`,
    );
    return undefined;
  }
}
