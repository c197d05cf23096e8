/**
 * Holds `accept()` of Deno back while its listener yields: what the kernel has
 * told Deno once, Deno would go on accepting (mio keeps that in mind, 2.9.5).
 *
 * @module
 */

import type { Graft } from "../graft/graft.ts";

/** The gate of one listener. */
export interface DenoGate {
  /** The graft, with the gate closed while it is quiesced. */
  guard(graft: Graft): Graft;
  /** Resolves when one may accept. */
  passed(): Promise<void>;
  /** Opens it for good: what waits hears from Deno that it is over. */
  open(): void;
}

/** Makes an open one. */
export function createDenoGate(): DenoGate {
  const waiting: (() => void)[] = [];
  let closed = false;
  const open = (): void => {
    closed = false;
    for (const pass of waiting.splice(0)) pass();
  };
  return {
    guard: (graft) => ({
      epoll: graft.epoll,
      get quiesced() {
        return graft.quiesced;
      },
      quiesce() {
        graft.quiesce();
        closed = true;
      },
      resume() {
        graft.resume();
        open();
      },
    }),
    passed: () =>
      closed
        ? new Promise((resolve) => void waiting.push(resolve))
        : Promise.resolve(),
    open,
  };
}
