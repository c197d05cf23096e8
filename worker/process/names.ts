/**
 * What this process is called where processes are listed, in a pool that has a
 * name.
 *
 * @module
 */

import process from "node:process";
import { nameProcess } from "../../libc/names.ts";

/** What it is made of. */
export interface Title {
  /** The name of the pool. */
  readonly name: string;
  /** The program and its arguments. */
  readonly command: string;
}

let title: Title | undefined;

/** Shows it from now on. */
export function beginTitle(given: Title | undefined, slot: string): void {
  title = given;
  showTitle(slot);
}

/**
 * Shows the slot too. `process.title` takes the place of the command line on
 * Node and Deno, as far as that was as long, and is kept to itself on Bun
 * (1.4.4); so the program stays in it, for who looks for that.
 */
export function showTitle(slot: string): void {
  if (title === undefined) return;
  const { name, command } = title;
  process.title = `prefork: ${name} worker ${slot} ${command}`;
  // Which on Linux has set the beginning of it, the same for all workers.
  nameProcess(name, `:${slot}`);
}
