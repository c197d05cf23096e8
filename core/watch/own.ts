/**
 * The files that prefork itself writes in this process, for whichever of its
 * pools: what stands in them is no change of a program.
 *
 * @module
 */

const OWN = new Set<string>();

/** What is put beside them: a number, and what is kept in an upgrade. */
const BESIDE = /\.(\d+|old|upgrade)$/;

/** Says that an absolute path is one of them, before it is written. */
export function ownFile(path: string): void {
  OWN.add(path);
}

/** True for one of them, as it is called while it is made or once rotated too. */
export function isOwnFile(path: string): boolean {
  return OWN.has(path) || OWN.has(path.replace(BESIDE, ""));
}
