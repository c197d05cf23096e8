/**
 * What a handler is told when its client goes away.
 *
 * @module
 */

import { setImmediate } from "node:timers";

const told = new WeakSet<Error>();

/**
 * Makes the error that says so.
 *
 * @param when before what
 */
export function clientGone(when = ""): DOMException {
  const error = new DOMException(`The client went away${when}`, "AbortError");
  told.add(error);
  return error;
}

/** True for an error that says that the client of this request has gone away. */
export async function isClientGone(
  error: unknown,
  request: Request,
): Promise<boolean> {
  // The signal last: to make one costs more than an answer.
  if (!(error instanceof Error && error.name === "AbortError")) return false;
  // It may be that of another request, whose body both have waited for. What
  // has this one's body fail comes just before its response hears of it.
  if (told.has(error)) await new Promise((resolve) => setImmediate(resolve));
  const { aborted, reason } = request.signal;
  return aborted && (told.has(error) || reason === error);
}
