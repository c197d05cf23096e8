/**
 * Errors of the core in the words of the command line.
 *
 * @module
 */

import { wordMeant } from "./habits.ts";
import { readOptions } from "./options.ts";
import { VERBS } from "./verbs.ts";

/** Verbs in front of a pool's options. */
const BEFORE = /^(check|doctor|init|--print|--force)$/;

/** Options whose names are others than in the library. */
const OTHERS: Readonly<Record<string, string>> = {
  cwd: "--chdir",
  runtimeArgs: "--runtime-arg",
};

/** How a value is written in the library, and how on the command line. */
const FORMS: readonly (readonly [string, string])[] = [
  ["{ min: 2, max: 8 }", "2-8"],
  ["it must be true, false or one of", "it must be one of"],
];

/**
 * The text of an error: options by the names with which they were typed, and
 * what is meant where the program is a word that is none.
 */
export function asTyped(text: string, args: readonly string[]): string {
  const words = args.slice(args.findIndex((word) => !BEFORE.test(word)));
  let read: ReturnType<typeof readOptions>;
  try {
    read = readOptions(words);
  } catch {
    return text;
  }
  if ("kind" in read) return text;
  const { draft, at } = read;
  let result = text;
  for (const name of Object.keys(draft)) {
    const option = OTHERS[name] ??
      `--${name.replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`;
    // With a part of it, as in "workers.min"; "in" a file it is that's own.
    const named = result.replaceAll(
      new RegExp(`"${name}(?:[.[][^"]*)?"(?! in )`, "g"),
      `"${option}"`,
    );
    if (named === result) continue;
    result = FORMS.reduce((all, [from, to]) => all.replace(from, to), named);
  }
  const meant = / no such command in PATH$/.test(result)
    ? wordMeant(words[at] ?? "", [...Object.keys(VERBS), ...OTHER_VERBS])
    : undefined;
  return meant === undefined ? result : `${result}; ${meant}`;
}

/** Verbs that ask no pool. */
const OTHER_VERBS = ["check", "completion", "doctor", "help", "init"];
