/**
 * Who is told how a pool does.
 *
 * @module
 */

import type { PreforkError } from "../errors.ts";
import type { ProcessObserver } from "./processes.ts";

/** Who is told how a pool does as a whole. */
export interface PoolObserver extends Pick<ProcessObserver, "onStart"> {
  /** Every wanted worker is ready. */
  onReady(): void;
  /** No worker has ever been ready, and none will be. */
  onHopeless(error: PreforkError): void;
  /** It was stopping, and the last worker is gone. */
  onEmpty(): void;
  /** A worker did not come up, while others do or did. */
  onFailing(how: string): void;
  /** Its workers have too much to do, or too little. */
  onScale(workers: number, reason: string): void;
}
