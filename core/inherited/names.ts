/**
 * Names by which it is known what of this process' start is whose.
 *
 * @module
 */

/** What the names of all begin with that a service manager keeps of a pool. */
export const KEPT_PREFIX = "prefork.";

/**
 * True for numbers as nginx writes them: others use the variable `NGINX` for
 * what they like.
 */
export function isNginxList(value: string): boolean {
  return /^(\d{1,7}[;:])+$/.test(value);
}
