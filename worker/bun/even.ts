/**
 * How listeners of `Bun.listen` let others go first.
 *
 * @module
 */

import process from "node:process";
import type { InheritedListener } from "../../core/launch/environment.ts";
import { messageOf } from "../../core/errors.ts";
import { takeHold } from "../balance/hold.ts";
import { presentCore } from "../process/worker_core.ts";
import { lookOf, yieldBy } from "../balance/yields.ts";

/** What keeps the load of one listener even. */
export interface ListenEvenness {
  /**
   * A connection was accepted. Bun says so before it accepts the next one
   * (1.4.4).
   */
  accepted(): void;
  /** Gives the listener its socket back, so that it can be stopped. */
  letGo(): void;
}

/**
 * Keeps it even where the listener is `balanced`; undefined elsewhere. It must
 * accept already.
 *
 * @param open how many connections it has
 */
export function keepListenEven(
  inherited: InheritedListener,
  open: () => number,
): ListenEvenness | undefined {
  const balancer = presentCore()?.balancer;
  const socket = inherited.fds[inherited.shard];
  const look = lookOf(inherited);
  if (balancer === undefined || look === undefined || socket === undefined) {
    return undefined;
  }
  try {
    const hold = takeHold(socket);
    const yielding = yieldBy(inherited, hold, socket, open);
    return {
      accepted() {
        balancer.accepted(1);
        look();
      },
      letGo() {
        yielding.quiesce();
        hold.end();
      },
    };
  } catch (error) {
    process.stderr.write(
      `connections of "${inherited.name}" are shared and not balanced: ${
        messageOf(error)
      }\n`,
    );
    // The others need to know of its load.
    const count = balancer.count(open);
    return {
      accepted: () => balancer.accepted(1),
      letGo: () => count[Symbol.dispose](),
    };
  }
}
