/**
 * Notices that a set of files has changed.
 *
 * Not by fs.watch(): it watches a directory, so that it misses a link whose
 * target changes elsewhere (certbot's `live/`, Kubernetes' `..data`, a parent
 * directory that is a link), it misses network file systems, and its unref()
 * does not let the process end on Deno 2.9.5. stat(2) follows every link, and
 * once a second it costs nothing that can be measured.
 *
 * @module
 */

import { statSync } from "node:fs";
import process from "node:process";

/** How often the files are looked at, in ms. */
const STAT_MS = 1000;

/** What is done about a change. */
export interface FileObserver {
  /** The files are not what they were; throws when they cannot be used yet. */
  changed(): void;
  /**
   * The files have been the same for two looks and still cannot be used.
   * Called once for each state of the files.
   */
  failed(error: unknown): void;
}

/** What tells one state of the files from another; links are followed. */
export function signatureOf(paths: readonly string[]): string {
  return paths.map((path) => {
    try {
      return signature(statSync(path));
    } catch {
      return "gone";
    }
  }).join();
}

/**
 * Looks at files every {@linkcode STAT_MS} for as long as the process runs,
 * without keeping it alive.
 *
 * @param known their signature when they were read
 */
export function watchFiles(
  paths: readonly string[],
  known: string,
  observer: FileObserver,
): void {
  let good = known;
  let bad: string | undefined;
  let told: string | undefined;
  let looking = false;
  const { stat } = process.getBuiltinModule("node:fs/promises");
  const look = async (): Promise<void> => {
    const now = (await Promise.all(paths.map(
      (path) => stat(path).then(signature, () => "gone"),
    ))).join();
    if (now === good) bad = told = undefined;
    if (now === good || now === told) return;
    try {
      observer.changed();
      good = now;
      told = bad = undefined;
    } catch (error) {
      // A certificate and its key are two files, and written one by one.
      if (now === bad) {
        told = now;
        observer.failed(error);
      }
      bad = now;
    }
  };
  setInterval(() => {
    if (looking) return;
    looking = true;
    void look().finally(() => looking = false);
  }, STAT_MS).unref();
}

function signature(
  { ino, size, mtimeMs, ctimeMs }: {
    readonly ino: number;
    readonly size: number;
    readonly mtimeMs: number;
    readonly ctimeMs: number;
  },
): string {
  return `${ino} ${size} ${mtimeMs} ${ctimeMs}`;
}
