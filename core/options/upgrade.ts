/**
 * What a user says of the supervisor itself: its pid file, and how another one
 * succeeds it.
 *
 * @module
 */

import { duration, strings, text } from "./values.ts";

/** Options that are about the supervisor and its successors. */
export interface UpgradeOptions {
  /**
   * The command line that starts this supervisor anew, for `upgrade`: the
   * executable and its arguments. The `prefork` command takes its own.
   */
  readonly upgradeCommand?: readonly string[];
  /**
   * How long this supervisor stays after an upgrade, without workers but with
   * its sockets, to go back to. See docs/UPGRADE.md.
   *
   * @default {0}
   */
  readonly keepOld?: number;
  /**
   * A file for the process id of this supervisor, from before the first worker
   * to the end. While another pool runs that has it, this one does not start. In
   * an upgrade it names who serves, and with `.old` behind it who drains.
   */
  readonly pidFile?: string;
}

/** The same, completed. */
export interface UpgradeConfig {
  /** What starts this supervisor anew, if that is known. */
  readonly upgradeCommand: readonly string[] | undefined;
  /** How long it stays after an upgrade, ms. */
  readonly keepOld: number;
  /** The pid file, if there is one. */
  readonly pidFile: string | undefined;
}

/**
 * Checks what a user gave.
 *
 * @throws {TypeError} when a member has the wrong type
 * @throws {RangeError} when the time is no number of ms
 */
export function checkUpgrade(
  { upgradeCommand, keepOld = 0, pidFile }: UpgradeOptions,
): UpgradeConfig {
  return {
    upgradeCommand: upgradeCommand && checkCommand(upgradeCommand),
    keepOld: duration("keepOld", keepOld),
    pidFile: pidFile === undefined ? undefined : text("pidFile", pidFile),
  };
}

function checkCommand(command: readonly string[]): readonly string[] {
  const [file, ...args] = strings("upgradeCommand", command);
  return [text("upgradeCommand[0]", file), ...args];
}
