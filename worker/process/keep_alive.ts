/**
 * Whether the channel to the supervisor keeps this process alive.
 *
 * @module
 */

import process from "node:process";

/**
 * The channel keeps the process alive from now on: it serves, or waits for
 * messages.
 */
export function keepAlive(): void {
  process.channel?.ref();
}

/**
 * The channel keeps the process alive no longer, so that a program which does
 * not listen ends as it does by hand. Deno 2.9.5 even waits for all that keeps
 * a preloaded module alive before it runs the program.
 */
export function letEnd(): void {
  process.channel?.unref();
}
