/**
 * What a file without an ending says of who runs it: the interpreter that its
 * first line names (execve(2)), and what a shell's script becomes.
 *
 * @module
 */

import type { RuntimeName } from "../adapter.ts";

/** A script that a runtime is to run. */
export interface Script {
  /** The runtime. */
  readonly runtime: RuntimeName;
  /** What the first line has for the runtime. */
  readonly args: readonly string[];
}

/** The runtimes by the names of their executables. */
const RUNTIMES: Readonly<Record<string, RuntimeName>> = {
  node: "node",
  nodejs: "node",
  deno: "deno",
  bun: "bun",
};

/** A word of a first line, up to the next space that is not in quotes. */
const WORD = /(?:"[^"]*"|'[^']*'|[^\s"'])+/g;

/**
 * The command that the first line of a file names, empty where it names none.
 * `env`, and the option by which env(1) splits its argument, are left out where
 * nothing else is asked of it.
 *
 * @param head the beginning of the file
 */
export function firstLine(head: string): readonly string[] {
  const [, line = ""] = /^#!(.*)/.exec(head) ?? [];
  const words = (line.match(WORD) ?? []).map((word) =>
    word.replaceAll(/["']/g, "")
  );
  if (!/(^|\/)env$/.test(words[0] ?? "")) return words;
  const rest = words.slice(/^(-S|--split-string)$/.test(words[1]!) ? 2 : 1);
  return /^-|=/.test(rest[0] ?? "-") ? words : rest;
}

/** The script that a file is, or undefined where no runtime is named. */
export function scriptOf(head: string): Script | undefined {
  const [name = "", ...args] = firstLine(head);
  const key = name.slice(name.lastIndexOf("/") + 1);
  const runtime = Object.hasOwn(RUNTIMES, key) ? RUNTIMES[key] : undefined;
  if (runtime === undefined) return undefined;
  const [verb = ""] = args;
  if (verb === "" || verb.startsWith("-")) return { runtime, args };
  // Node has no verbs: this is another script. "deno serve" has options that
  // "deno run" does not know.
  if (runtime === "node" || !["run", "serve"].includes(verb)) return undefined;
  return { runtime, args: verb === "run" ? args.slice(1) : [] };
}

/**
 * True for a script of a shell that becomes a runtime, as package managers write
 * them in the place of a link.
 */
export function execsRuntime(head: string): boolean {
  return /^#!.*sh\b/.test(head) &&
    /^\s*exec\s+"?(\S*\/)?(node|bun)"?\s/m.test(head);
}
