/**
 * What is asked of the machine about files that are watched: a part of the seam
 * in `core/host.ts`.
 *
 * @module
 */

/** What stands in a directory. */
export interface Entry {
  /** Its name. */
  readonly name: string;
  /** True for a directory, and not for a link to one. */
  readonly isDirectory: boolean;
}

/** Directories and files. */
export interface Files {
  /** What stands in a directory; undefined where it cannot be read. */
  entries(directory: string): readonly Entry[] | undefined;
  /**
   * What another write of a file makes another: when it was changed, its size
   * and its number. Undefined where there is no such file.
   */
  stamp(path: string): string | undefined;
  /**
   * Calls a function when something in a directory, and not below its
   * directories, may have changed.
   *
   * @throws {Error} what the system says, as that there are too many
   */
  hint(directory: string, onHint: () => void): Disposable;
}
