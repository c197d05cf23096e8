/**
 * Whom workers run as: the options for it.
 *
 * @module
 */

import { show } from "./values.ts";

/** The options that say so. */
export interface UserOptions {
  /**
   * The user, by name or uid, that every worker runs as from its first
   * instruction: with the groups of that user and no others, without
   * capabilities, and with no way back (`no_new_privs` of prctl(2)). The
   * supervisor stays what it is, so a pool that root starts has port 80. `HOME`,
   * `USER` and `LOGNAME` are that user's, where `env` does not say them. Linux
   * only: takes setpriv(1) of util-linux.
   *
   * @default the supervisor's own
   */
  readonly user?: string | number;
  /**
   * The group, by name or gid, in place of the primary group of `user`.
   *
   * @default that of `user` in /etc/passwd
   */
  readonly group?: string | number;
}

/** The same, checked: names or digits. */
export interface UserConfig {
  /** The user; undefined is the supervisor's own. */
  readonly user: string | undefined;
  /** The group; undefined is that of the user. */
  readonly group: string | undefined;
}

/**
 * Checks them.
 *
 * @throws {TypeError} when they cannot be names or numbers, or there is a group
 * without a user
 */
export function checkUser({ user, group }: UserOptions): UserConfig {
  if (group !== undefined && user === undefined) {
    throw new TypeError(
      `Cannot use ${
        show(group)
      } for "group" without "user": say whom workers run as too`,
    );
  }
  return { user: checkOwner("user", user), group: checkOwner("group", group) };
}

/** A name as useradd(8) takes it, or a number. */
const OWNER = /^\w[\w.@-]*\$?$/;

function checkOwner(option: string, value: unknown): string | undefined {
  if (value === undefined) return undefined;
  const owner = Number.isSafeInteger(value) ? String(value) : value;
  if (typeof owner === "string" && OWNER.test(owner)) return owner;
  throw new TypeError(
    `Cannot use ${
      show(value)
    } for "${option}": it must be a name or a number, as in "www-data" or 33`,
  );
}
