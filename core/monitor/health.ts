/**
 * Whether a pool is to get connections, and whether its supervisor turns: what
 * load balancers and orchestrators ask again and again.
 *
 * @module
 */

import type { TextAnswer } from "../control/socket.ts";
import type { PoolStatus } from "../events.ts";

/** What is answered at a path of a monitor, by the header `Accept`. */
export type Page = (status: PoolStatus, accept: string) => TextAnswer;

/** Pages by their paths. */
export type Pages = Readonly<Record<string, Page>>;

/** The paths of `health`. */
export function healthPages(minReady: number): Pages {
  return {
    "/ready": (status) => {
      const why = unready(status, minReady);
      return why === undefined
        ? textAnswer(200, `ready: ${status.ready} of ${status.wanted} workers`)
        : textAnswer(503, `not ready: ${why}`);
    },
    // Whoever reads this has been answered: the event loop turns.
    "/live": ({ state }) => textAnswer(200, `live: ${state}`),
  };
}

/** Why the pool is to get no connections; undefined when it is. */
function unready(
  { state, ready, wanted }: PoolStatus,
  minReady: number,
): string | undefined {
  if (state === "stopping" || state === "stopped") return `it is ${state}`;
  return ready >= minReady
    ? undefined
    : `${ready} of ${wanted} workers, and ${minReady} ${
      minReady === 1 ? "has" : "have"
    } to be`;
}

/** An answer of one line, that nobody may keep. */
export function textAnswer(status: number, line: string): TextAnswer {
  return {
    status,
    text: `${line}\n`,
    headers: {
      "content-type": "text/plain; charset=utf-8",
      "cache-control": "no-store",
    },
  };
}
