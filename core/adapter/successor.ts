/**
 * What a runtime does for one supervisor after another: parts of the seam in
 * `core/adapter.ts`.
 *
 * @module
 */

/** Where the path of a Unix socket is, and which file is there. */
export interface PathFile {
  /** The absolute path. */
  readonly path: string;
  /** The number of its file system, in decimal: 64 bits (stat(2)). */
  readonly dev: string;
  /** The number of its inode, in decimal. */
  readonly ino: string;
}

/** The file that names the process of a supervisor. Only `claim` throws. */
export interface PidFile {
  /**
   * Writes this process' id, in one step. A file of a process that is gone, or
   * of `before`, is replaced.
   *
   * @throws {PreforkError} `ERR_PID_FILE` when another process has it, or it
   * cannot be written
   */
  claim(before?: number): void;
  /**
   * Keeps what it names in the file with ".old" behind its name, too.
   *
   * @param alone true to keep it there alone: another server does not start
   * where its pid file names a process
   */
  setAside(alone?: boolean): void;
  /** Writes another process' id, where that has not written the file itself. */
  leaveTo(pid: number): void;
  /** Undoes that, and what another process has written meanwhile. */
  takeBack(): void;
  /** Removes the other file where it names a process that was killed. */
  forget(pid: number): void;
  /** Removes whichever of the two names this process. */
  remove(): void;
}

/** What a process has of the supervisor that it is to succeed. */
export interface Predecessor {
  /** What it hands over: `SpawnPlan.env` has written it. */
  readonly handover: string;
  /** Says something to it; resolves when that is on its way, or cannot be. */
  say(message: unknown): Promise<void>;
  /** Calls back with what it says, not yet trusted. */
  onMessage(run: (message: unknown) => void): void;
  /** Calls back once when it is gone; at once when it is already. */
  onGone(run: () => void): void;
  /** Closes the channel to it. */
  close(): void;
}
