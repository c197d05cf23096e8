/**
 * The files that are watched as they are at one moment: a look at all of them,
 * which can be compared with the one before. What a runtime tells of changes is
 * only when to look, so that nothing is lost that it does not tell.
 *
 * @module
 */

import type { Files } from "./file.ts";
import type { Watched } from "./names.ts";
import { isOwnFile } from "./own.ts";

/** What was seen. */
export interface Tree {
  /** The stamps of the files by their paths. */
  readonly files: ReadonlyMap<string, string>;
  /** The directories in which they could be. */
  readonly directories: ReadonlySet<string>;
}

/** The most that is watched: a look at more would take a part of a second. */
export const MOST = 10_000;

/** Directories of what others have written, and of what nobody edits. */
const FOREIGN = /^(\.|node_modules$)/;

/**
 * Looks at what is there. What lies in `node_modules`, or in a directory whose
 * name begins with a dot, is left out below the roots.
 *
 * @throws {RangeError} when there are too many files
 */
export function look(
  { roots, flat, matches }: Watched,
  { entries, stamp }: Pick<Files, "entries" | "stamp">,
): Tree {
  const files = new Map<string, string>();
  const directories = new Set<string>();
  let seen = 0;
  const visit = (directory: string, below: boolean): void => {
    if (directories.has(directory)) return;
    const inside = entries(directory);
    if (inside === undefined) return;
    directories.add(directory);
    seen += inside.length;
    if (seen > MOST) {
      throw new RangeError(
        `Cannot watch "${
          roots.join('", "')
        }": more than ${MOST} files are there, name those that matter as in --watch='src/**'`,
      );
    }
    for (const { name, isDirectory } of inside) {
      const path = directory === "/" ? `/${name}` : `${directory}/${name}`;
      if (isDirectory) {
        if (below && !FOREIGN.test(name)) visit(path, below);
        continue;
      }
      const now = matches(path) ? stamp(path) : undefined;
      if (now !== undefined) files.set(path, now);
    }
  };
  for (const root of roots) visit(root, true);
  for (const directory of flat) visit(directory, false);
  return { files, directories };
}

/**
 * The files that are new, gone or written. That one is prefork's own may be known
 * only since it was seen, as another pool has begun with it.
 */
export function changes(before: Tree, after: Tree): string[] {
  const changed = [...after.files]
    .filter(([path, stamp]) => before.files.get(path) !== stamp)
    .map(([path]) => path);
  for (const path of before.files.keys()) {
    if (!after.files.has(path)) changed.push(path);
  }
  return changed.filter((path) => !isOwnFile(path));
}
