/**
 * Whoever asks of a pool, as requests of the fetch kind.
 *
 * @module
 */

import type { Answer } from "../../core/control/socket.ts";

/** A handler for the servers of Deno and Bun. */
export function fetchControl(
  answer: Answer,
): (request: Request) => Promise<Response> {
  return async ({ method, url }) => {
    const { pathname: path, searchParams: query } = new URL(url);
    const { status, body } = await answer({ method, path, query });
    return new Response(`${JSON.stringify(body)}\n`, {
      status,
      headers: { "content-type": "application/json" },
    });
  };
}
