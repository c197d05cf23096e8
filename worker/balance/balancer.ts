/**
 * The worker's part in `balanced`: it knows its own load and that of the
 * others, and says whether it may take one more connection.
 *
 * @module
 */

import { limitOf } from "../../core/evenness.ts";
import type { Seat } from "../../core/environment.ts";
import { type Board, openBoard } from "./board.ts";
import { measureUtilisation } from "./utilisation.ts";

/** What servers tell of their connections and ask before they take more. */
export interface Balancer {
  /** True when the supervisor passes connections on. */
  readonly passes: boolean;
  /** Counts the open connections of one more server, until disposed. */
  count(open: () => number): Disposable;
  /** Says that connections can be passed on to this worker. */
  takes(): void;
  /**
   * True when other workers should have the next connection. Cheap: it can be
   * asked for each one.
   */
  isOver(): boolean;
  /** Connections were accepted, and kept. */
  accepted(count: number): void;
  /** A connection was passed on. */
  passedOn(): void;
  /** A connection has come from another worker. */
  tookOver(): void;
  /** The worker accepts from now on. */
  serve(): void;
  /** The worker drains: the others count it no more. */
  leave(): void;
}

/** For so long what was read of the others is taken for new, in ms. */
const FRESH_MS = 1;

/** For so long it is taken for good while the own load is below it, in ms. */
const VALID_MS = 20;

/** How often the own record is written while nothing happens, in ms. */
const BEAT_MS = 100;

/** The time constant of what is called "lately" for utilisation, in ms. */
const LATELY_MS = 500;

/** The half-life of what was accepted recently, in ms. */
const HALF_LIFE_MS = 60_000;

/**
 * Makes the balancer of this process.
 *
 * @throws {Error} of the system, where the scoreboard cannot be opened
 */
export function createBalancer(seat: Seat): Balancer {
  const board: Board = openBoard(seat);
  const utilisation = measureUtilisation();
  const counts = new Set<() => number>();
  let serving = false;
  let takes = false;
  let accepted = 0;
  let passedOn = 0;
  let takenOver = 0;
  let recent = 0;
  let busy = 0;
  let ended = 0;
  let endedBefore = 0;
  let endedAt = performance.now();
  let limit = Infinity;
  let readAt = -Infinity;
  let wroteAt = -Infinity;
  let dirty = true;

  const open = (): number => {
    let sum = 0;
    for (const count of counts) sum += count();
    return sum;
  };
  const own = () => ({
    open: open(),
    busy,
    ended,
    recent,
    weight: seat.weight,
  });
  /** How many of the connections end per second. */
  const measureEnds = (now: number): void => {
    const passed = now - endedAt;
    if (passed < 10) return;
    const ends = Math.max(0, accepted + takenOver - open());
    const rate = (ends - endedBefore) * 1000 / passed;
    const part = Math.min(1, passed / 100);
    ended += (Math.max(0, rate) - ended) * part;
    endedBefore = ends;
    endedAt = now;
  };
  const write = (now: number): void => {
    measureEnds(now);
    wroteAt = now;
    dirty = false;
    board.write({
      ...own(),
      beat: Date.now(),
      serving,
      takes,
      accepted,
      passedOn,
      takenOver,
    });
  };
  const changed = (): void => {
    dirty = true;
    const now = performance.now();
    if (now - wroteAt >= FRESH_MS) write(now);
  };
  const read = (now: number): void => {
    readAt = now;
    limit = limitOf(own(), board.others());
  };
  const beat = (): void => {
    const now = performance.now();
    const part = Math.min(1, (now - wroteAt) / LATELY_MS);
    busy += (utilisation() - busy) * part;
    recent *= 0.5 ** (BEAT_MS / HALF_LIFE_MS);
    write(now);
  };
  setInterval(beat, BEAT_MS).unref();
  write(performance.now());

  return {
    passes: seat.passes,
    count(one) {
      counts.add(one);
      return { [Symbol.dispose]: () => void counts.delete(one) };
    },
    takes() {
      takes = true;
      changed();
    },
    isOver() {
      if (!serving) return false;
      const now = performance.now();
      const present = open();
      if (dirty && now - wroteAt >= FRESH_MS) write(now);
      const age = now - readAt;
      if (age > VALID_MS || (present + 1 > limit && age >= FRESH_MS)) read(now);
      return present + 1 > limit;
    },
    accepted(count) {
      accepted += count;
      recent += count;
      changed();
    },
    passedOn() {
      passedOn++;
      dirty = true;
    },
    tookOver() {
      takenOver++;
      recent++;
      changed();
    },
    serve() {
      serving = true;
      write(performance.now());
    },
    leave() {
      serving = false;
      write(performance.now());
    },
  };
}
