/**
 * The channel to the supervisor: `process.send` and its events, made safe to
 * call when nobody is at the other end.
 *
 * @module
 */

import type { SendHandle } from "node:child_process";
import process from "node:process";
import { RUNTIME } from "./runtime.ts";

/** How often a worker looks whether its supervisor is there, in ms. */
const PARENT_CHECK_MS = 500;

/** One end of a channel. */
export interface Channel {
  /** Sends a message; false when the channel is gone. Never throws for that. */
  send(message: unknown): boolean;
  /**
   * Sends a message and a connection of which this process keeps its copy.
   *
   * @param onFailed called, later, when it could not be sent after all
   */
  sendHandle(message: unknown, handle: object, onFailed: () => void): boolean;
  /** Called with each message and the handle that came with it, if any. */
  onMessage(run: (message: unknown, handle: unknown) => void): void;
  /** Called once when the supervisor is gone. */
  onDisconnect(run: () => void): void;
}

/** The channel of this process. A process without one has a silent channel. */
export function openChannel(): Channel {
  return {
    send(message) {
      if (process.send === undefined || !process.connected) return false;
      // Without a callback Node emits a failed write as an "error" of the
      // process, which ends it. The "disconnect" that follows is enough.
      // What it returns says whether to wait before the next one.
      process.send(message, undefined, undefined, () => {});
      return true;
    },
    sendHandle(message, handle, onFailed) {
      if (process.send === undefined || !process.connected) return false;
      const failed = (error: Error | null): void => {
        if (error) onFailed();
      };
      try {
        process.send(message, handle as SendHandle, { keepOpen: true }, failed);
        return true;
      } catch {
        // The client is gone, and with it the file behind the handle.
        return false;
      }
    },
    onMessage(run) {
      process.on("message", run);
    },
    onDisconnect(run) {
      let told = false;
      const tell = (): void => {
        if (!told) run();
        told = true;
      };
      process.once("disconnect", tell);
      // The supervisor may have died while this process was loading.
      if (process.send !== undefined && !process.connected) {
        queueMicrotask(tell);
      }
      if (process.send === undefined) return;
      const parent = process.ppid;
      setInterval(() => {
        const orphaned = RUNTIME.missesDisconnect && process.ppid !== parent;
        // Node 26.10 knows that the channel has ended, but does not say so as
        // long as a connection that it has sent is not confirmed
        // (`disconnect` in lib/internal/child_process.js).
        if (orphaned || !process.connected) tell();
      }, PARENT_CHECK_MS).unref();
    },
  };
}

/**
 * The channel keeps the process alive from now on: it serves, or waits for
 * messages.
 */
export function refChannel(): void {
  process.channel?.ref();
}

/**
 * The channel keeps the process alive no longer, so that a program which does
 * not listen ends as it does by hand. Deno 2.9.5 even waits for all that keeps
 * a preloaded module alive before it runs the program.
 */
export function unrefChannel(): void {
  process.channel?.unref();
}
