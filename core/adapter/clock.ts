/**
 * Time as the core sees it.
 *
 * @module
 */

/** Time, so that tests need none. */
export interface Clock {
  /** Milliseconds that only ever grow, while the machine is awake. */
  now(): number;
  /** Runs something once after a time in milliseconds, unless disposed. */
  after(ms: number, run: () => void): Disposable;
}
