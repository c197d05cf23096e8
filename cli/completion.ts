/**
 * Completion for shells: each asks prefork itself what may come next, so that
 * there is one table of verbs and options, the command's own.
 *
 * @module
 */

import { SHARE_MODES } from "../core/options/share_mode.ts";
import { STEER_BY } from "../core/options/steer.ts";
import { OPTION_NAMES } from "./options.ts";
import { HELP } from "./help.ts";
import { VERBS } from "./verbs.ts";

/** Shells that can be told. */
export const SHELLS = ["bash", "zsh", "fish"] as const;

/** Verbs that ask no pool. */
const OTHERS = ["doctor", "check", "init", "help", "completion"] as const;

const SCRIPTS: Readonly<Record<typeof SHELLS[number], string>> = {
  bash: `_prefork() {
  local IFS=$'\\n'
  COMPREPLY=($(prefork completion --words "\${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null))
}
complete -o default -F _prefork prefork
`,
  zsh: `#compdef prefork
_prefork() {
  local -a found
  found=("\${(@f)$(prefork completion --words "\${(@)words[2,CURRENT]}" 2>/dev/null)}")
  found=(\${found:#})
  if (( $#found )); then compadd -a found; else _files; fi
}
compdef _prefork prefork
`,
  fish: `function __prefork
  set -l words (commandline -opc)
  set -e words[1]
  prefork completion --words $words (commandline -ct) 2>/dev/null
end
complete -c prefork -a '(__prefork)'
`,
};

/** What is asked of the pools that run. */
export interface Pools {
  /** The names of this user's. */
  names(): Promise<readonly string[]>;
  /** How many slots one has, or the only one; 0 where none answers. */
  slots(name: string | undefined): Promise<number>;
}

/** What is there to be named. */
export interface Known extends Pools {
  /** What `prefork help` has pages of. */
  topics(): readonly string[];
}

/**
 * What `prefork completion` prints: what a shell is to read, or after `--words`
 * what may come next, in lines.
 *
 * @throws {TypeError} for a shell that is not known
 */
export async function completionText(
  words: readonly string[],
  known: Known,
): Promise<string> {
  const [first, ...written] = words;
  if (first !== "--words") return scriptFor(words);
  const found = await completions(written, known);
  return found.map((each) => `${each}\n`).join("");
}

/**
 * What a shell is to read.
 *
 * @throws {TypeError} for one that is not known
 */
export function scriptFor(words: readonly string[]): string {
  const shell = SHELLS.find((each) => each === words[0]);
  if (shell !== undefined && words.length === 1) return SCRIPTS[shell];
  throw new TypeError(
    `Cannot understand "${
      words.join(" ") || "completion"
    }": write prefork completion ${SHELLS.join("|")}`,
  );
}

/** What may stand in the place of the last word, as far as it is written. */
export async function completions(
  words: readonly string[],
  known: Known,
): Promise<string[]> {
  const last = words.at(-1) ?? "";
  const all = await candidates(words.slice(0, -1), last, known);
  return [...new Set(all)].filter((each) => each.startsWith(last));
}

async function candidates(
  before: readonly string[],
  last: string,
  known: Known,
): Promise<readonly string[]> {
  const [verb] = before;
  if (verb === undefined) {
    return last.startsWith("-")
      ? OPTION_NAMES
      : [...Object.keys(VERBS), ...OTHERS];
  }
  if (verb === "completion") return before.length === 1 ? SHELLS : [];
  if (verb === "help") return before.length === 1 ? known.topics() : [];
  if (Object.hasOwn(VERBS, verb)) {
    const { number, flags } = VERBS[verb as keyof typeof VERBS];
    if (last.startsWith("-")) return flags.map((flag) => flag.split(" ")[0]!);
    const given = before.slice(1).filter((word) => !word.startsWith("-"));
    if (number !== undefined && given.length === 0) {
      if (number !== "SLOT") return [];
      const count = await known.slots(undefined);
      return Array.from({ length: count }, (_, slot) => String(slot));
    }
    const place = number === undefined ? 0 : 1;
    return verb === "list" || given.length > place ? [] : await known.names();
  }
  // It takes a pool that runs, where it takes a program.
  if (verb === "doctor" && before.length === 1 && !last.startsWith("-")) {
    return await known.names();
  }
  const values = valuesOf(before.at(-1)!);
  if (values.length > 0) return values;
  return last.startsWith("-") ? OPTION_NAMES : [];
}

/** The values of an option that has a fixed set, as its help says. */
function valuesOf(option: string): readonly string[] {
  if (/^(-s|--share)$/.test(option)) return SHARE_MODES;
  if (option === "--steer") return STEER_BY;
  if (!option.startsWith("--")) return [];
  const [, set = ""] = RegExp(`^ +(?:-\\w, +)?${option} ([\\w|-]+)`, "m")
    .exec(HELP) ?? [];
  return set.split("|").filter((value) =>
    set.includes("|") && /^[a-z][\w-]*$/.test(value)
  );
}
