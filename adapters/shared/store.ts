/**
 * Files that this process was started with.
 *
 * @module
 */

import { closeSync } from "node:fs";
import process from "node:process";
import { libcHere } from "../../libc/open.ts";
import { readProc } from "./proc.ts";

/** See {@linkcode Adapter.takeText}. */
export function takeText(fd: number): string | undefined {
  // By its name: whoever has written it has left its offset at the end.
  const text = readProc(`/proc/self/fd/${fd}`);
  // Deno 2.9.5 closes only what it has opened.
  if (process.versions["deno"] !== undefined) libcHere()?.close(fd);
  else closeSync(fd);
  return text;
}
