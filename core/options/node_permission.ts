/**
 * What the options of Node allow a program, as far as it matters here.
 *
 * @module
 */

/**
 * True when a program that was given these arguments could listen somewhere:
 * under `--permission` Node lets nobody but with `--allow-net`, at a port or at
 * a path (26.10; https://nodejs.org/api/permissions.html). One that knows no
 * such flag is taken for one that allows nothing.
 *
 * @param options what `NODE_OPTIONS` has: a supervisor that is itself under
 * `--permission` hands its own flags on in it, and could not listen either
 */
export function nodeAllows(args: readonly string[], options = ""): boolean {
  return isGiven("--allow-net", args, options);
}

/** True when a program that was given these arguments may not call libc. */
export function nodeLacksFfi(args: readonly string[], options = ""): boolean {
  return !isGiven("--allow-ffi", args, options);
}

function isGiven(
  permission: string,
  args: readonly string[],
  options: string,
): boolean {
  const given = [...options.split(" "), ...args];
  return !given.includes("--permission") || given.includes(permission);
}
