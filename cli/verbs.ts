/**
 * The verbs of the command that ask a pool which runs, as they are written.
 * `control.ts` asks.
 *
 * @module
 */

import { isScript } from "../core/launch/program.ts";
import { runtimeOf } from "./upgrade.ts";

/** What the command line asks of a pool. */
export interface ControlCommand {
  /** What. */
  readonly verb: Verb;
  /** Which pool: a name, a process id, a path; undefined for the only one. */
  readonly target: string | undefined;
  /** What stands before that: a number of workers, a slot. */
  readonly number: string | undefined;
  /** The flags that were given. */
  readonly flags: ReadonlySet<string>;
  /** How many lines are wanted, if that was said. */
  readonly lines?: number;
  /** The executable of another runtime for the supervisor, if that was said. */
  readonly runtime?: string;
  /** The command line of a server that is to take the pool's place. */
  readonly program?: readonly string[];
  /** How sockets reach that. */
  readonly pass?: string;
}

/** The verbs. */
export type Verb = keyof typeof VERBS;

/** What each verb may be followed by. */
export const VERBS = {
  status: { number: undefined, flags: ["--json", "--watch"] },
  list: { number: undefined, flags: ["--json"] },
  top: { number: undefined, flags: [] },
  reload: { number: undefined, flags: [] },
  scale: { number: "N|+N|-N", flags: [] },
  restart: { number: "SLOT", flags: [] },
  quiesce: { number: "SLOT", flags: ["--force"] },
  resume: { number: "SLOT", flags: [] },
  reopen: { number: undefined, flags: [] },
  upgrade: {
    number: undefined,
    flags: ["--runtime-exec FILE", "--pass WAY", "-- PROGRAM ARGS"],
  },
  stop: { number: undefined, flags: ["--quick"] },
  logs: { number: undefined, flags: ["--lines N", "--follow"] },
} as const;

const SHORT: Readonly<Record<string, string>> = {
  "-w": "--watch",
  "-f": "--follow",
  "-n": "--lines",
};

/**
 * Reads a command line that begins with one of the verbs; undefined for any
 * other.
 *
 * @throws {TypeError} when it cannot be understood
 */
export function parseControl(
  words: readonly string[],
): ControlCommand | undefined {
  const [verb = "", ...rest] = words;
  if (!Object.hasOwn(VERBS, verb)) return undefined;
  const { number: wants, flags: known } = VERBS[verb as Verb];
  const flags = new Set<string>();
  const others: string[] = [];
  let lines: number | undefined;
  let runtime: string | undefined;
  let pass: string | undefined;
  let program: readonly string[] | undefined;
  for (let at = 0; at < rest.length; at++) {
    const word = rest[at]!;
    const { flag, inline } = splitFlag(word);
    if (word === "--" && verb === "upgrade") {
      program = rest.slice(at + 1);
      break;
    }
    if (flag === "--pass" && verb === "upgrade") {
      pass = inline ?? rest[++at] ?? "";
    } else if ((known as readonly string[]).includes(`${flag} N`)) {
      const value = inline ?? rest[++at] ?? "";
      if (!/^\d+$/.test(value)) {
        throw misread(verb as Verb, value || word, "it needs a whole number");
      }
      lines = Number(value);
    } else if ((known as readonly string[]).includes(`${flag} FILE`)) {
      runtime = inline ?? rest[++at] ?? "";
      if (runtime === "") {
        throw misread(
          verb as Verb,
          word,
          "it needs the path or name of a file",
        );
      }
      runtimeOf(runtime);
    } else if (
      inline === undefined && (known as readonly string[]).includes(flag)
    ) flags.add(flag);
    else if (word.startsWith("-") && !/^-\d+$/.test(word)) {
      throw misread(verb as Verb, word, "there is no such option for it");
    } else others.push(word);
  }
  if (program?.length === 0) {
    throw misread(verb as Verb, "--", "it needs a program behind it");
  }
  if (pass !== undefined && program === undefined) {
    throw misread(verb as Verb, "--pass", "it needs a program, behind --");
  }
  if (runtime !== undefined && program !== undefined) {
    throw misread(verb as Verb, "--", `"--runtime-exec" is for prefork`);
  }
  const number = wants === undefined ? undefined : others.shift();
  if (wants !== undefined && !/^[+-]?\d+$/.test(number ?? "")) {
    throw misread(
      verb as Verb,
      number ?? verb,
      `it needs ${wants === "SLOT" ? "the number of a slot" : "a number"}`,
    );
  }
  if (others.length > (verb === "list" ? 0 : 1)) {
    throw misread(verb as Verb, others.at(-1)!, "one pool is asked at a time");
  }
  const [target] = others;
  // As PM2 has it.
  if (target !== undefined && isScript(target) && !target.includes("/")) {
    const why = "a pool is named by its name, its pid or its socket";
    throw misread(verb as Verb, target, why);
  }
  return {
    ...{ verb: verb as Verb, target, number, flags },
    ...(lines !== undefined && { lines }),
    ...(runtime !== undefined && { runtime }),
    ...(program !== undefined && { program }),
    ...(pass !== undefined && { pass }),
  };
}

/** `--flag`, `--flag=value`, `-f` and `-fvalue`. */
function splitFlag(word: string): { flag: string; inline?: string } {
  const [, long, value] = /^(--[a-z-]+)=(.*)$/s.exec(word) ?? [];
  if (long !== undefined) return { flag: long, inline: value! };
  const [, brief, rest] = /^(-[a-z])(\d+)$/.exec(word) ?? [];
  return brief === undefined
    ? { flag: SHORT[word] ?? word }
    : { flag: SHORT[brief] ?? brief, inline: rest! };
}

function misread(verb: Verb, word: string, why: string): TypeError {
  const { number, flags } = VERBS[verb];
  const form = [
    `prefork ${verb}`,
    ...(number === undefined ? [] : [number]),
    ...(verb === "list" ? [] : ["[POOL]"]),
    ...flags.map((flag) => `[${flag}]`),
  ].join(" ");
  return new TypeError(
    `Cannot understand "${word}": ${why}, write ${form} (a program of that name: prefork ./${verb})`,
  );
}
