/**
 * Whoever asks of a pool, as requests of the fetch kind.
 *
 * @module
 */

import type {
  Answer,
  ControlAnswer,
  TextAnswer,
} from "../../core/control/socket.ts";

const JSON_HEADERS = { "content-type": "application/json" } as const;

/** A handler for the servers of Deno and Bun. */
export function fetchControl(
  answer: Answer,
): (request: Request) => Promise<Response> {
  return async ({ method, url, headers }) => {
    const { pathname: path, searchParams: query } = new URL(url);
    const accept = headers.get("accept") ?? "";
    const written = write(await answer({ method, path, query, accept }));
    return new Response(written.text, written);
  };
}

/** An answer as it goes out. */
export function write(answer: ControlAnswer | TextAnswer): TextAnswer {
  if ("text" in answer) return answer;
  const { status, body } = answer;
  return {
    status,
    text: `${JSON.stringify(body)}\n`,
    headers: JSON_HEADERS,
  };
}
