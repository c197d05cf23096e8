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
} from "../core/environment.ts";

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
 * Reads what this process inherited and removes it from the environment, so
 * that a process which the program starts does not take itself for a worker.
 *
 * @throws {TypeError} when it is there but cannot be understood
 */
export function takeInheritance(): Inheritance | undefined {
  const inheritance = decodeInheritance(process.env);
  if (inheritance === undefined) return undefined;
  for (const name of Object.keys(process.env)) {
    if (KEPT.includes(name)) continue;
    if (name.startsWith("PREFORK_") || OTHERS.includes(name)) {
      delete process.env[name];
    }
  }
  return inheritance;
}
