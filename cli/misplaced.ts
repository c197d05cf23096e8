/**
 * Options of the command that stand where they are the program's.
 *
 * @module
 */

import { isScript } from "../core/launch/program.ts";
import { checkOptions } from "../core/options/check.ts";
import type { PoolOptions } from "../core/options/options.ts";
import { parseCommandLine } from "./arguments.ts";

/**
 * The first option of the command that stands behind a script and so is the
 * script's own, as a sentence. A `--` before it says that this is meant.
 */
export function misplacedIn(
  { program, args = [] }: Pick<PoolOptions, "program" | "args">,
): string | undefined {
  if (!isScript(program)) return undefined;
  const end = args.indexOf("--");
  const words = end < 0 ? args : args.slice(0, end);
  for (const [i, word] of words.entries()) {
    if (!word.startsWith("-")) continue;
    const own = [1, 2].map((count) => words.slice(i, i + count))
      .map(inOwnWords)
      .find(isOption);
    if (own === undefined) continue;
    const given = words.slice(i, i + own.length).join(" ");
    return `"${given}" behind the program is the program's own; the pool's stands in front, as in "prefork ${
      own.join(" ")
    } ${program}"`;
  }
  return undefined;
}

/** True for an option of the command, with its value. */
function isOption(option: readonly string[]): boolean {
  try {
    const command = parseCommandLine([...option, "app"]);
    if (command.kind !== "run" || command.options.program !== "app") {
      return false;
    }
    checkOptions({ ...command.options, program: "app" });
    return true;
  } catch {
    return false;
  }
}

/** PM2's option for the number of workers in ours. */
function inOwnWords(option: readonly string[]): readonly string[] {
  const [name = "", count] = option;
  return count !== undefined && /^(-i|--instances)$/.test(name)
    ? ["-w", count === "max" ? "auto" : count]
    : option;
}
