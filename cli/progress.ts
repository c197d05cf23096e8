/**
 * The live line of a terminal during start, reload and drain.
 *
 * @module
 */

import type { PoolEvent } from "../core/events.ts";
import type { PoolCore } from "../core/pool.ts";
import type { PoolStatus } from "../core/events.ts";
import type { Output } from "./output.ts";

/** Back to the first column and erase the line (ECMA-48 CR, EL). */
const ERASE = "\r\x1b[K";

/** A line that is rewritten in place. */
export interface Progress {
  /** Takes the line away before something else is written. */
  clear(): void;
  /** Writes the line anew if there is progress to show. */
  show(event: PoolEvent, pool: PoolCore): void;
}

/** Makes a progress line on a terminal; without one it does nothing. */
export function createProgress(terminal: Output | undefined): Progress {
  let shown = false;
  return {
    clear() {
      if (shown) terminal?.write(ERASE);
      shown = false;
    },
    show(event, pool) {
      if (terminal === undefined || event.type === "stopped") return;
      const line = progressOf(pool.status());
      if (line === undefined) return;
      terminal.write(line);
      shown = true;
    },
  };
}

function progressOf(status: PoolStatus): string | undefined {
  const { state, wanted, ready, workers, generation } = status;
  switch (state) {
    case "starting":
      return `starting ${ready}/${wanted} ready`;
    case "reloading": {
      const fresh = workers.filter((worker) =>
        worker.generation > generation && worker.state === "ready"
      );
      return `reloading ${fresh.length}/${wanted} new`;
    }
    case "stopping":
      return `draining ${workers.length} left`;
    default:
      return undefined;
  }
}
