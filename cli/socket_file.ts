/**
 * Whether a path is a socket's, as a pool's is that was started with
 * `--control PATH`, whatever it is called.
 *
 * @module
 */

import { statSync } from "node:fs";

/** True where a socket is; links are followed. */
export function isSocket(file: string): boolean {
  try {
    return statSync(file).isSocket();
  } catch {
    return false;
  }
}
