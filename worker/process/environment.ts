/**
 * Takes the inheritance out of the environment.
 *
 * @module
 */

import process from "node:process";
import {
  decodeInheritance,
  ENV,
  type Inheritance,
} from "../../core/launch/environment.ts";

/** The variables of other protocols that `encodeInheritance` writes. */
const OTHERS: readonly string[] = [
  "SERVER_STARTER_PORT",
  "SERVER_STARTER_GENERATION",
  "LISTEN_FDS",
  "LISTEN_FDNAMES",
  "LISTEN_PID",
];

/** What a program may want to know; without the rest it makes no worker. */
const KEPT: readonly string[] = [ENV.slot, ENV.generation];

/**
 * Reads what this process inherited and removes prefork's variables from the
 * environment, so that a process which the program starts does not take itself
 * for a worker.
 *
 * @throws {TypeError} when it is there but cannot be understood
 */
export function takeInheritance(): Inheritance | undefined {
  const inheritance = decodeInheritance(process.env);
  if (inheritance === undefined) return undefined;
  for (const name of Object.keys(process.env)) {
    if (KEPT.includes(name)) continue;
    if (name.startsWith("PREFORK_")) delete process.env[name];
  }
  return inheritance;
}

/**
 * Removes the variables of other protocols too. Not before a program is known
 * to speak prefork's: an unmodified one may find its sockets by them.
 */
export function forgetOtherProtocols(): void {
  for (const name of OTHERS) delete process.env[name];
}
