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
import { LINES_TYPE, lineStream } from "./control_stream.ts";

const JSON_HEADERS = { "content-type": "application/json" } as const;

/** What a server says of a request beside it. */
interface RequestInfo {
  /** Settles when the answer was sent or cannot be; Deno has it. */
  readonly completed?: Promise<unknown>;
}

/** A handler for the servers of Deno and Bun. */
export function fetchControl(
  answer: Answer,
): (request: Request, info: RequestInfo) => Promise<Response> {
  return async (request, { completed }) => {
    const { method, url, headers } = request;
    const { pathname: path, searchParams: query } = new URL(url);
    const accept = headers.get("accept") ?? "";
    const answered = await answer({ method, path, query, accept });
    if ("lines" in answered) {
      const { lines, status } = answered;
      // Deno 2.9.5 warns of who looks at the signal, and has the other.
      if (completed === undefined) {
        request.signal.addEventListener("abort", () => lines.close());
      }
      return new Response(lineStream(lines, completed), {
        status,
        headers: { "content-type": LINES_TYPE },
      });
    }
    const written = write(answered);
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
