/**
 * The channel to the supervisor that has started this process to succeed it:
 * that of any child which a runtime starts with one (`NODE_CHANNEL_FD`).
 *
 * @module
 */

import process from "node:process";
import type { Predecessor } from "../../core/adapter/successor.ts";

/** How often is looked whether it is still there, in ms. */
const LOOK_MS = 200;

/** What Node's types do not say of a message that brings nothing. */
type Send = (
  message: unknown,
  handle: undefined,
  options: undefined,
  done: () => void,
) => boolean;

/** See {@linkcode Adapter.predecessor}. */
export function predecessor(variable: string): Predecessor | undefined {
  const handover = process.env[variable];
  // It is about this process alone, and about its first pool.
  delete process.env[variable];
  const send = process.send?.bind(process) as Send | undefined;
  if (handover === undefined || send === undefined) return undefined;
  const parent = process.ppid;
  let looking: ReturnType<typeof setInterval> | undefined;
  const stop = (): void => clearInterval(looking);
  return {
    handover,
    say: (message) =>
      new Promise((resolve) => {
        if (!process.connected) return resolve();
        const timer = setTimeout(resolve, LOOK_MS);
        send(message, undefined, undefined, () => {
          clearTimeout(timer);
          resolve();
        });
      }),
    onMessage(run) {
      process.on("message", run);
    },
    onGone(run) {
      // Not by "disconnect", which Deno 2.9.5 can miss.
      looking = setInterval(() => {
        if (process.connected && process.ppid === parent) return;
        stop();
        run();
      }, LOOK_MS);
      looking.unref();
    },
    close() {
      stop();
      if (process.connected) process.disconnect?.();
    },
  };
}
