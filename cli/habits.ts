/**
 * What people write who are used to other commands, and what it means here.
 *
 * @module
 */

import { isScript } from "../core/launch/program.ts";
import { nearest } from "../core/options/names.ts";

/** Options that are none here, by what they are for: PM2, gunicorn, nodemon. */
const MEANT: readonly (readonly [RegExp, string])[] = [
  [/^(-i|-n|-c|--instances|--processes)$/, '"-w N" says how many workers'],
  [/^(-p|-b|-H|--port|--bind|--host|--hostname)$/, '"-l host:port" says where'],
  [/^--(hot|reload)$/, '"--watch" reloads when files change'],
  [
    /^(-d|--daemon|--daemonize|--background)$/,
    "it stays in the foreground, as service managers want it",
  ],
  [/^--(kill|graceful)-timeout$/, '"--grace TIME" says how long'],
  [/^--cwd$/, '"--chdir DIR" says where workers run'],
  [/^--listen-timeout$/, '"--start-timeout TIME" says how long'],
  [
    /^(-A|--(inspect|import|require|loader|experimental|max|expose|allow|deny|unstable|no-warnings|trace|preload|smol|conditions).*)$/,
    '"--runtime-arg ARG" hands one to the runtime',
  ],
];

/** What an unknown option says elsewhere, as a part of a sentence. */
export function meantBy(arg: string): string | undefined {
  const name = arg.startsWith("--") ? arg.split("=", 1)[0]! : arg.slice(0, 2);
  return MEANT.find(([names]) => names.test(name))?.[1];
}

/** Files that are no programs, and what reads them. */
const FILES: readonly (readonly [RegExp, string])[] = [
  [/(^|\/)ecosystem\.config\.[cm]?js$/, "--pm2"],
  [/(^|\/)prefork\.config\.[cm]?[jt]s$/, "--config"],
];

/** What reads a file that is no program, as a whole sentence. */
export function readerOf(program: string): string | undefined {
  const option = FILES.find(([names]) => names.test(program))?.[1];
  return option &&
    `Cannot run "${program}": it says which programs are to be run, write prefork ${option} ${program}`;
}

/** Verbs of other commands, and what does it here. */
const VERBS: Readonly<Record<string, string>> = {
  start: "the program stands alone",
  run: "the program stands alone",
};

/** True for the verb of another command. */
export function isVerb(word: string): boolean {
  return Object.hasOwn(VERBS, word);
}

/** The verb of another command in front of a program, and what it means here. */
export function verbIn(words: readonly string[]): string | undefined {
  const [verb = "", file = ""] = words;
  const meant = isVerb(verb) && isScript(file) ? VERBS[verb] : undefined;
  return meant && `"${verb}" is no word of it, ${meant}`;
}

/** Words of PM2 and of other commands, and what does it here. */
const WORDS: Readonly<Record<string, string>> = {
  ps: "prefork list",
  ls: "prefork list",
  kill: "prefork stop [POOL]",
  delete: "prefork stop [POOL]",
  del: "prefork stop [POOL]",
  monit: "prefork top",
  monitor: "prefork top",
  describe: "prefork status [POOL]",
  show: "prefork status [POOL]",
  info: "prefork status [POOL]",
  log: "prefork logs [POOL]",
  save: "prefork init, which writes a unit for systemd",
  startup: "prefork init, which writes a unit for systemd",
  resurrect: "prefork init, which writes a unit for systemd",
};

/** Those that are commands of the system and so would be run as workers. */
const COMMANDS: readonly string[] = ["ps", "ls", "kill"];

/** What is meant by a command that serves nothing, as a whole sentence. */
export function commandFor(program: string): string | undefined {
  return COMMANDS.includes(program)
    ? `Cannot run "${program}": it serves nothing, write ${
      WORDS[program]
    } (the program of that name: prefork -- ${program})`
    : undefined;
}

/** What is meant by a word that is no program either, as a part of a sentence. */
export function wordMeant(
  word: string,
  verbs: readonly string[],
): string | undefined {
  if (word.includes("/") || isScript(word)) return undefined;
  const verb = nearest(word, verbs);
  return Object.hasOwn(WORDS, word)
    ? `write ${WORDS[word]}`
    : verb && `did you mean "prefork ${verb}"?`;
}
