/**
 * What a user says of how another supervisor succeeds this one.
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
}

/** The same, completed. */
export interface UpgradeConfig {
  /** What starts this supervisor anew, if that is known. */
  readonly upgradeCommand: readonly string[] | undefined;
  /** How long it stays after an upgrade, ms. */
  readonly keepOld: number;
}

/**
 * Checks what a user gave.
 *
 * @throws {TypeError} when a member has the wrong type
 * @throws {RangeError} when the time is no number of ms
 */
export function checkUpgrade(
  { upgradeCommand, keepOld = 0 }: UpgradeOptions,
): UpgradeConfig {
  return {
    upgradeCommand: upgradeCommand === undefined
      ? undefined
      : checkCommand("upgradeCommand", upgradeCommand),
    keepOld: duration("keepOld", keepOld),
  };
}

/**
 * Checks a command line.
 *
 * @throws {TypeError} when it is none
 */
export function checkCommand(
  name: string,
  command: readonly string[],
): readonly string[] {
  const [file, ...args] = strings(name, command);
  return [text(`${name}[0]`, file), ...args];
}
