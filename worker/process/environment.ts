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
  isOwnVariable,
  SLOT_VARIABLE,
} from "../../core/launch/environment.ts";
import { RUNTIME } from "./runtime.ts";

/** Those of prefork's own variables that a program may want to know. */
const KEPT: readonly string[] = [ENV.slot, ENV.generation];

/**
 * Variables that the program can read by their name, while they are no part of
 * the environment: nothing that it starts inherits them, no copy has them.
 */
const readable: Record<string, string> = {};

/** The variable of the slot by habit, which the supervisor sets too. */
let customarySlot: string = SLOT_VARIABLE;

/**
 * Reads what this process inherited and takes the variables of all protocols
 * out of the environment, so that a process which the program starts neither
 * takes itself for a worker nor a descriptor of its own for a listener. The
 * program can still read the slot, the generation and those of Server::Starter:
 * an unmodified one may find its sockets by them. Whoever finds systemd's may
 * insist that there is one socket, and that `LISTEN_PID` is its own.
 *
 * @throws {TypeError} when it is there but cannot be understood
 */
export function takeInheritance(): Inheritance | undefined {
  const inheritance = decodeInheritance(process.env);
  if (inheritance === undefined) return undefined;
  customarySlot = process.env[ENV.slotVariable] ?? SLOT_VARIABLE;
  for (const [name, value] of Object.entries(process.env)) {
    if (value === undefined || !isOwnVariable(name, value)) continue;
    if (KEPT.includes(name) || name.startsWith("SERVER_STARTER_")) {
      Object.defineProperty(readable, name, {
        value,
        writable: true,
        configurable: true,
      });
    }
    delete process.env[name];
  }
  showReadable();
  return inheritance;
}

/** Has the program read another slot, where it would have read this one. */
export function showSlot(before: number, slot: number): void {
  const value = String(slot);
  if (Object.hasOwn(readable, ENV.slot)) readable[ENV.slot] = value;
  if (process.env[customarySlot] === String(before)) {
    process.env[customarySlot] = value;
  }
}

/** Removes the variables of Server::Starter from the program's sight too. */
export function forgetOtherProtocols(): void {
  for (const name of Object.getOwnPropertyNames(readable)) {
    if (!KEPT.includes(name)) delete readable[name];
  }
}

/**
 * Node and Bun look a variable up as a property, so one of the prototype is
 * found and not copied; Deno's `process.env` asks `Deno.env` (2.9.5).
 */
function showReadable(): void {
  if (RUNTIME.name !== "deno") {
    Object.setPrototypeOf(
      readable,
      Object.getPrototypeOf(process.env) as object,
    );
    Object.setPrototypeOf(process.env, readable);
    return;
  }
  const { env } = Deno;
  const { get, has } = env;
  env.get = (name) =>
    Object.hasOwn(readable, name) ? readable[name] : get.call(env, name);
  env.has = (name) => Object.hasOwn(readable, name) || has.call(env, name);
}
