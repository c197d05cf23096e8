/**
 * The pool on the runtime that runs this program.
 *
 * @module
 */

import type { PoolOptions } from "../core/options/options.ts";
import { PoolCore } from "../core/pool.ts";
import { loadAdapter } from "./select.ts";

/**
 * A pool of worker processes behind listening sockets.
 *
 * @example
 * ```ts
 * import { Pool } from "@prefork/prefork";
 *
 * await using pool = new Pool({ program: "server.ts", listen: ":8080" });
 * await pool.start();
 * await pool.reload();
 * ```
 */
export class Pool extends PoolCore {
  /**
   * Checks the options; nothing is opened or started before `start`.
   *
   * @throws {TypeError} when an option has the wrong type or is unknown
   * @throws {RangeError} when a number is out of range
   */
  constructor(options: PoolOptions) {
    super(options, loadAdapter);
  }
}
