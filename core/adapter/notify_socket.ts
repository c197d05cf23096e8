/**
 * Where a program says how it is, as it does to a service manager (sd_notify(3))
 * or to Einhorn.
 *
 * @module
 */

/** A socket that one program can write to. */
export interface NotifySocket {
  /** Its path, for the program's `NOTIFY_SOCKET`. */
  readonly path: string;
  /**
   * What has come and was not read yet, each datagram as a text: some of it, so
   * that nobody is held up by one who writes without end. Never throws.
   */
  read(): readonly string[];
  /** Closes it and removes its path. Never throws. */
  close(): void;
}

/** A socket to which one program writes lines. Nothing is answered. */
export interface LineSocket {
  /** Its path. */
  readonly path: string;
  /** Called with each line. */
  onLine: (line: string) => void;
  /** Closes it and removes its path. Never throws. */
  close(): void;
}

/** Makes them. */
export interface NotifySockets {
  /**
   * Opens a Unix datagram socket that one user alone, and root, can write to.
   *
   * @param uid that user, unless this process' own
   * @throws {Error} when there can be none; its message is the reason
   */
  notifySocket(uid?: number): NotifySocket;
  /**
   * Opens a Unix stream socket to which one user alone, and root, can connect.
   *
   * @param uid that user, unless this process' own
   * @throws {Error} when there can be none; its message is the reason
   */
  lineSocket(uid?: number): LineSocket;
}

/** The longest line that is passed on, in characters. */
const LONGEST = 300;

/** A text for people that cannot begin a line of its own. */
export function oneLine(text: string): string {
  const line = text.replaceAll(/[\s\p{Cc}]+/gu, " ").trim();
  return line.length > LONGEST ? `${line.slice(0, LONGEST)} ..` : line;
}
