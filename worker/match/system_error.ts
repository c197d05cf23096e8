/**
 * Errors in the shape in which an unmodified program expects them.
 *
 * @module
 */

import { messageOf, PreforkError } from "../../core/errors.ts";

/**
 * The error of a `listen()` as a runtime would give it, with `code` and
 * `syscall`: programs look for `EADDRINUSE` and try another port.
 */
export function asSystemError(error: unknown): unknown {
  if (!(error instanceof PreforkError)) return error;
  const { cause } = error;
  const code = cause instanceof Error && "code" in cause
    ? cause.code
    : error.code === "ERR_STATE"
    ? "EADDRINUSE"
    : undefined;
  if (typeof code !== "string") return error;
  return Object.assign(new Error(messageOf(error), { cause: error }), {
    code,
    syscall: "listen",
  });
}
