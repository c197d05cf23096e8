import { readFileSync } from "node:fs";
import process from "node:process";
import { ROOT } from "./tree.ts";

/** Prints what a check has found and makes the script fail if it is anything. */
export function conclude(check: string, problems: readonly string[]): void {
  for (const problem of problems) console.error(problem);
  if (problems.length === 0) {
    console.log(`${check}: ok`);
    return;
  }
  console.error(`${check}: ${problems.length} problem(s)`);
  process.exitCode = 1;
}

/** Reads a file of the project as text. */
export function read(path: string): string {
  return readFileSync(ROOT + path, "utf8");
}

/** Reads a file of the project as JSON. */
export function readJson<T>(path: string): T {
  return JSON.parse(read(path)) as T;
}
