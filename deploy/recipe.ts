/**
 * The program of the recipes, as `prefork init` would find it on a machine where
 * it lies in /srv/web. `node deploy/recipe.ts` writes the files in `app/` anew.
 */

import { readFileSync, writeFileSync } from "node:fs";
import process from "node:process";
import { fileURLToPath } from "node:url";
import { parseCommandLine } from "../cli/arguments.ts";
import { VERSION } from "../core/version.ts";
import { filesOf } from "../cli/init.ts";
import type { Deployment } from "../cli/templates/deployment.ts";
import type { PoolOptions } from "../core/options/options.ts";

/** The program, with its options. */
export const WORDS: readonly string[] = ["-w", "4", "-l", ":8080", "server.js"];

/** Where the files are. */
export const APP: string = fileURLToPath(new URL("app/", import.meta.url));

/** What a command line means. */
export function meant(
  words: readonly string[],
): Pick<Deployment, "options" | "words"> {
  const command = parseCommandLine(["init", ...words]);
  if (command.kind !== "init") throw new Error(`It is ${command.kind}`);
  return { options: command.request.line.options as PoolOptions, words };
}

/** The files for a command line, the recipe's unless given. */
export function recipe(
  words: readonly string[] = WORDS,
): Readonly<Record<string, string>> {
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
    ...meant(words),
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
