/**
 * The request by which a new version shows that it answers.
 *
 * @module
 */

import { duration, show, text } from "./values.ts";

/** The options that say so. */
export interface HealthCheckOptions {
  /**
   * The path and query of a request (GET, HTTP/1.1) that a worker of a new
   * version has to answer with 2xx or 3xx before it accepts: `"/health"`. It
   * comes to that worker alone, over a connection of its own. New versions are
   * those of a reload, of an upgrade and of the first start; a worker that
   * follows a crashed one is not asked.
   *
   * @default none is made
   */
  readonly check?: string;
  /**
   * The time a worker has for the head of its answer, in ms; at least 1.
   *
   * @default {5_000}
   */
  readonly checkTimeout?: number;
}

/** The same, checked and completed. */
export interface HealthCheckConfig {
  /** The path and query that are asked for; undefined for no request. */
  readonly check: string | undefined;
  /** The time until the head of the answer, ms. */
  readonly checkTimeout: number;
}

/** What may stand in the first line of a request (RFC 9112, origin-form). */
const TARGET = /^\/[!-"$-~]*$/;

/**
 * Checks the request.
 *
 * @throws {TypeError} when it is no path
 * @throws {RangeError} when there is no time for it
 */
export function checkHealthCheck(
  { check, checkTimeout = 5_000 }: HealthCheckOptions,
): HealthCheckConfig {
  const ms = duration("checkTimeout", checkTimeout);
  if (ms < 1) {
    throw new RangeError(
      `Cannot use ${ms} for "checkTimeout": nobody answers in no time, leave "check" out to make no request`,
    );
  }
  if (check === undefined) return { check, checkTimeout: ms };
  if (TARGET.test(text("check", check))) return { check, checkTimeout: ms };
  throw new TypeError(
    `Cannot use ${
      show(check)
    } for "check": it must be a path as it stands in a request, such as "/health", with anything but printable ASCII as %XX`,
  );
}
