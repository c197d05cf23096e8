import type { Runner } from "./runners.ts";

/** Why a test file runs under one runner alone. */
export interface Once {
  readonly runner: Runner;
  readonly why: string;
}

const STATED =
  /^ \* Runs once, under (vitest|deno|bun): ((?:.|\n \* )+?)\n \*(?:\/|\n)/m;

/**
 * What the comment at the top of a test file says about runners: a paragraph
 * `Runs once, under bun: why`, or nothing, and then it runs under each.
 *
 * @throws {TypeError} for one that is not written like that
 */
export function onceOf(file: string, source: string): Once | undefined {
  const [top] = /^\/\*\*.*?\*\//s.exec(source) ?? [""];
  const found = STATED.exec(top);
  if (found !== null) {
    return {
      runner: found[1] as Runner,
      why: found[2]!.replaceAll("\n * ", " "),
    };
  }
  if (/runs once/i.test(top)) {
    throw new TypeError(
      `Cannot tell where ${file} runs: its first comment needs a paragraph "Runs once, under vitest: why", or deno or bun`,
    );
  }
  return undefined;
}
