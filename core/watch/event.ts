/**
 * What is told of files that are watched.
 *
 * @module
 */

/** Which files are watched, and which have changed. */
export type WatchEvent =
  /** So many files below these directories are watched. */
  | {
    readonly type: "watching";
    readonly directories: string;
    readonly files: number;
  }
  /** Files have changed, the first of them by its name: the pool reloads. */
  | {
    readonly type: "files-changed";
    readonly file: string;
    readonly count: number;
  };
