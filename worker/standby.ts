/**
 * Standby: a worker whose program has loaded and listens, as far as the program
 * can see, and which accepts nothing before it is told to take over a slot.
 *
 * @module
 */

import process from "node:process";
import { messageOf } from "../core/errors.ts";
import type { FromWorker } from "../core/protocol.ts";

/** What a worker holds back. */
export interface Standby {
  /** True until it is told to take over. */
  readonly waits: boolean;
  /** Says, once, that it could. */
  say(): void;
  /** Has something accept then. What it throws has been told by then. */
  hold(accept: () => Promise<void> | void): void;
  /** True when it has said so and everything that was held accepts. */
  end(): Promise<boolean>;
}

/**
 * Makes what is held back.
 *
 * @param waits true for a worker that was started as a standby
 */
export function createStandby(
  waits: boolean,
  tell: (message: FromWorker) => boolean,
): Standby {
  const held: (() => Promise<void> | void)[] = [];
  let said = false;
  return {
    get waits() {
      return waits;
    },
    say() {
      if (!said) tell({ type: "standby" });
      said = true;
    },
    hold: (accept) => void held.push(accept),
    async end() {
      waits = false;
      try {
        // All begin in this turn: the first connection may wait already.
        await Promise.all(held.splice(0).map((accept) => accept()));
        return said;
      } catch (error) {
        process.stderr.write(`${messageOf(error)}\n`);
        return false;
      }
    },
  };
}
