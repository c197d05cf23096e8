/**
 * The errors of attaching, in one wording.
 *
 * @module
 */

import { PreforkError } from "../../core/errors.ts";

/** An error with `ERR_ATTACH`. */
export function cannot(
  action: string,
  reason: string,
  wayOut: string,
  cause?: unknown,
): PreforkError {
  return new PreforkError(
    "ERR_ATTACH",
    `Cannot ${action}: ${reason}, ${wayOut}`,
    cause,
  );
}
