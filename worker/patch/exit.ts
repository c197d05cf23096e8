/**
 * The end of an unmodified program. By hand its handler of SIGTERM ends the
 * process at once; in a pool that would cut the requests that are in flight.
 *
 * @module
 */

import process from "node:process";
import type { Core } from "../process/worker_core.ts";
import { unrefChannel } from "../process/channel.ts";

/**
 * How long handlers that neither exit nor return a promise may go on after the
 * last request, in ms: whether they close a database or nothing is not to be
 * seen.
 */
const LINGER_MS = 2000;

/** Whether the program has asked to exit, and who waits for that. */
let asked = false;
const waiting = new Set<() => void>();

/**
 * Defers `process.exit()` and `Deno.exit()` of a draining worker until nothing
 * is served any more. They return then, which they never do otherwise.
 */
export function deferExit(core: Core): void {
  const defer = (code: number | string | null | undefined): boolean => {
    if (!core.worker.draining.aborted || core.ending.over) return false;
    if (code !== undefined && code !== null) process.exitCode = code;
    ask();
    return true;
  };
  const exit = process.exit;
  process.exit = ((code) => {
    if (!defer(code)) exit.call(process, code);
  }) as typeof process.exit;
  const deno = (globalThis as { Deno?: { exit(code?: number): never } }).Deno;
  if (deno === undefined) return;
  const denoExit = deno.exit;
  deno.exit = ((code) => {
    if (!defer(code)) denoExit(code);
  }) as typeof denoExit;
}

/** The program wants to end; it does as soon as nothing is served any more. */
export function ask(): void {
  asked = true;
  for (const each of waiting) each();
  waiting.clear();
}

/**
 * Has the process wait for what the handlers do. Those that return promises are
 * done when these are settled, others when they exit or after
 * {@linkcode LINGER_MS}.
 *
 * @param results what the handlers returned
 */
export function finishing(core: Core, results: readonly unknown[]): void {
  let open = results.length;
  const allTell = results.every((each) => each instanceof Promise);
  for (const each of results) {
    if (!(each instanceof Promise)) continue;
    // A rejection stays unhandled, as it is by hand, and is heard of first. Bun
    // 1.4.4 goes on for some ms after that, and this ends before.
    each.catch(() => process.exitCode ||= 1);
    void each.finally(() => {
      if (--open === 0) setImmediate(ask);
    });
  }
  core.ending.last = () => {
    // A program that is done and has nothing open ends by itself.
    unrefChannel();
    return new Promise((resolve) => {
      if (asked) return resolve();
      waiting.add(resolve);
      if (!allTell) setTimeout(resolve, LINGER_MS).unref();
    });
  };
}
