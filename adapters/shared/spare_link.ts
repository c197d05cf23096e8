/**
 * A second hard link of a Unix socket, hidden beside its path. Programs remove
 * the path of their socket before they listen and when they end, as they have to
 * without a pool; a path that is gone can be made again only from a link that is
 * left.
 *
 * @module
 */

import { type BigIntStats, linkSync, lstatSync, unlinkSync } from "node:fs";
import path from "node:path";
import type { PathFile } from "../../core/adapter/successor.ts";
import { codeOf, messageOf } from "../../core/errors.ts";
import { spareLinkOf } from "../../core/listeners/spare_link.ts";

/** Keeps a path where it is. */
export interface SpareLink {
  /**
   * Looks at the path and puts it back if it is gone. Never throws.
   *
   * @returns what has happened to it, once for each time, as a sentence
   */
  mend(): string | undefined;
  /** Removes the path and the link, unless they are another socket's by now. */
  remove(): void;
}

/** Makes the link of a socket that is at a path; without one it only looks. */
export function keepLink(
  target: string,
  own: Pick<PathFile, "dev" | "ino">,
): SpareLink {
  // The process may change its working directory.
  const place = path.resolve(target);
  const spare = spareLinkOf(place);
  const isOwn = (stats: BigIntStats | undefined): boolean =>
    stats !== undefined && String(stats.ino) === own.ino &&
    String(stats.dev) === own.dev;
  const unlinkOwn = (file: string): void => {
    if (isOwn(statOf(file))) attempt(() => unlinkSync(file));
  };
  const duplicate = (): string | undefined => {
    const there = statOf(spare);
    if (isOwn(there)) return undefined;
    if (there?.isSocket()) attempt(() => unlinkSync(spare));
    return attempt(() => linkSync(place, spare));
  };
  let missing = duplicate();
  let told: string | undefined;
  const once = (sentence: string): string | undefined => {
    const isNews = sentence !== told;
    told = sentence;
    return isNews ? sentence : undefined;
  };
  return {
    mend() {
      const now = statOf(place);
      if (isOwn(now)) {
        told = undefined;
        missing = duplicate();
        return undefined;
      }
      if (now !== undefined) {
        return once(
          `"unix:${target}" is not the pool's any more, something else is at its path: clients reach that, and the pool leaves it alone`,
        );
      }
      const failure = isOwn(statOf(spare))
        ? attempt(() => linkSync(spare, place))
        : missing ?? "its directory was removed or changed";
      return failure === undefined
        ? `"unix:${target}" was removed, and is there again`
        : once(
          `"unix:${target}" was removed and cannot be put back (${failure}): clients find nobody there until the pool is started again`,
        );
    },
    remove() {
      unlinkOwn(place);
      unlinkOwn(spare);
    },
  };
}

function statOf(file: string): BigIntStats | undefined {
  try {
    return lstatSync(file, { bigint: true });
  } catch {
    return undefined;
  }
}

/** Does something; returns why it failed if it did. */
function attempt(run: () => void): string | undefined {
  try {
    run();
    return undefined;
  } catch (error) {
    return codeOf(error) ?? messageOf(error);
  }
}
