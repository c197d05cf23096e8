/**
 * What is done about workers that hang, as it can be asked for.
 *
 * @module
 */

import { duration, oneOf } from "./values.ts";

/** What a hung worker is sent before SIGKILL. */
export type HangSignal = "SIGABRT" | "none";

/** All of them. */
const HANG_SIGNALS: readonly HangSignal[] = ["SIGABRT", "none"];

/** How the stack of a hung worker is found. */
export type HangStack = "signal" | "thread" | "none";

/** All of them. */
const HANG_STACKS: readonly HangStack[] = ["signal", "thread", "none"];

/** How often a worker is asked in the hang timeout. */
export const ASKS = 3;

/** The options that say so. Times are in milliseconds. */
export interface HangOptions {
  /**
   * The time that a worker's event loop may stand still, or its channel be
   * silent, before the worker counts as hung: what it does is told, then it is
   * killed and replaced. Found at most a third later. 0 turns that off, else it
   * is at least 100.
   *
   * @default {30_000}
   */
  readonly hangTimeout?: number;
  /**
   * In `sharded` over TCP: for how long a worker's event loop may be held up
   * while connections wait on its shard, before an idle worker accepts there as
   * well, until it is back. 0 turns that off. It needs libc in the supervisor and
   * in the workers (Node 26.9, Deno with `--allow-ffi`, Bun); a worker without
   * neither helps nor is helped.
   *
   * @default {2} 10 where the kernel picks the worker: it keeps new connections
   * from who is held up, and what came before waits for long ones only
   */
  readonly stuckAfter?: number;
  /**
   * What a hung worker is sent a second before SIGKILL, where a core dump or a
   * report is wanted; `"none"` for SIGKILL at once.
   *
   * @default {"none"}
   */
  readonly hangSignal?: HangSignal;
  /**
   * How the stack of a hung worker on Node is found: `"signal"` sends it SIGUSR1
   * and asks its debugger, whose port is open on 127.0.0.1 from then until the
   * kill, some 100 ms later and at most 10 s. `"thread"` opens no port: each
   * worker on Node has a thread that looks at its event loop and tells the stack,
   * for some 10 MiB. `"none"` tells none.
   *
   * @default {"signal"}
   */
  readonly hangStack?: HangStack;
}

/** The same, checked and completed. */
export interface HangConfig {
  /** How long a worker may not answer, ms; 0 for ever. */
  readonly hangTimeout: number;
  /**
   * How long one may leave others waiting, ms; 0 for as long as it hangs,
   * undefined for the default, by whether the kernel picks.
   */
  readonly stuckAfter: number | undefined;
  /** What a hung worker is sent before SIGKILL. */
  readonly hangSignal: HangSignal;
  /** How the stack of a hung worker is found. */
  readonly hangStack: HangStack;
}

/** What a worker is told that has a thread for its stack. */
export function stackAfter(
  { hangStack, hangTimeout }: HangConfig,
): { readonly stackAfter?: number } {
  return hangStack !== "thread" || hangTimeout === 0
    ? {}
    // It is told by then in two thirds of the time, and read in time.
    : { stackAfter: Math.round(hangTimeout / ASKS) };
}

/** Less is no hang, in milliseconds: a collection of garbage takes as long. */
const MIN_HANG = 100;

/**
 * Checks these options and completes them.
 *
 * @throws {TypeError | RangeError} naming the option, the value and what is wanted
 */
export function checkHang(
  {
    hangTimeout = 30_000,
    stuckAfter,
    hangSignal = "none",
    hangStack = "signal",
  }: HangOptions,
): HangConfig {
  return {
    hangTimeout: checkHangTimeout(hangTimeout),
    stuckAfter: stuckAfter === undefined
      ? undefined
      : duration("stuckAfter", stuckAfter),
    hangSignal: oneOf("hangSignal", hangSignal, HANG_SIGNALS),
    hangStack: oneOf("hangStack", hangStack, HANG_STACKS),
  };
}

function checkHangTimeout(value: unknown): number {
  const ms = duration("hangTimeout", value);
  if (ms === 0 || ms >= MIN_HANG) return ms;
  throw new RangeError(
    `Cannot use ${ms} for "hangTimeout": it must be at least ${MIN_HANG} milliseconds, or 0 to look for no hang`,
  );
}
