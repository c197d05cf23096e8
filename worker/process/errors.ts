/**
 * The errors of attaching and of listening, in one wording.
 *
 * @module
 */

import { messageOf, PreforkError } from "../../core/errors.ts";
import type { InheritedListener } from "../../core/launch/environment.ts";

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

/** The error of a listener that lacks the socket which is to be accepted on. */
export function noSocket(
  { name }: Pick<InheritedListener, "name">,
  shard: number,
): PreforkError {
  return cannot(
    `attach to the listener "${name}"`,
    `it has no socket number ${shard}`,
    "start the worker through a pool of the same version",
  );
}

/** An error with `ERR_BIND`, of a program without a pool. */
export function cannotBind(action: string, cause: unknown): PreforkError {
  return new PreforkError(
    "ERR_BIND",
    `Cannot ${action}: ${
      messageOf(cause)
    }, stop what uses the address or choose another`,
    cause,
  );
}
