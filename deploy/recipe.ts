/**
 * The program of the recipes, as `prefork init` would find it on a machine where
 * it lies in /srv/web. `node deploy/recipe.ts` writes the files in `app/` anew.
 */

import { readFileSync, writeFileSync } from "node:fs";
import process from "node:process";
import { fileURLToPath } from "node:url";
import { parseCommandLine } from "../cli/arguments.ts";
import { VERSION } from "../cli/help.ts";
import { filesOf } from "../cli/init.ts";
import type { PoolOptions } from "../core/options/options.ts";

/** The program, with its options. */
export const WORDS: readonly string[] = ["-w", "4", "-l", ":8080", "server.js"];

/** Where the files are. */
export const APP: string = fileURLToPath(new URL("app/", import.meta.url));

/** The files of it. */
export function recipe(): Readonly<Record<string, string>> {
  const command = parseCommandLine(["init", ...WORDS]);
  if (command.kind !== "init") throw new Error(`It is ${command.kind}`);
  const { line: { options }, words } = command.request;
  return filesOf({
    name: "web",
    directory: "/srv/web/current",
    user: undefined,
    command: [
      "/usr/bin/node",
      "/srv/web/current/node_modules/prefork/dist/cli.js",
    ],
    runtime: "node",
    version: "26.10.0",
    prefork: VERSION,
    manifest: ["package.json", "package-lock.json"],
    options: options as PoolOptions,
    words,
  });
}

/** A file as it is there. */
export function fileOf(name: string): string {
  return readFileSync(`${APP}${name}`, "utf8");
}

if (import.meta.main) {
  for (const [name, text] of Object.entries(recipe())) {
    writeFileSync(`${APP}${name}`, text);
    process.stdout.write(`wrote ${name}\n`);
  }
}
