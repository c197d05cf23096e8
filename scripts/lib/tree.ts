import { readdirSync } from "node:fs";
import { fileURLToPath } from "node:url";

/** The root of the project, with a slash at its end. */
export const ROOT: string = fileURLToPath(new URL("../../", import.meta.url));

/** Directories that hold nothing of ours. */
const FOREIGN: ReadonlySet<string> = new Set([
  ".git",
  ".reports",
  "coverage",
  "dist",
  "node_modules",
]);

/** The project's files below a directory, relative to the root, sorted. */
export function filesBelow(directory: string): string[] {
  const found: string[] = [];
  const walk = (path: string): void => {
    for (const entry of readdirSync(ROOT + path, { withFileTypes: true })) {
      if (FOREIGN.has(entry.name)) continue;
      const inner = path === "" ? entry.name : `${path}/${entry.name}`;
      if (entry.isDirectory()) walk(inner);
      else if (entry.isFile()) found.push(inner);
    }
  };
  walk(directory);
  return found.sort();
}
