/**
 * The name of the second hard link that is kept of a Unix socket.
 *
 * @module
 */

/**
 * Where it is: hidden beside the path, and always the same, so that a supervisor
 * that was killed leaves no more than one behind, which its successor takes over.
 */
export function spareLinkOf(path: string): string {
  const name = path.lastIndexOf("/") + 1;
  return `${path.slice(0, name)}.${path.slice(name)}.pf`;
}
