/**
 * The command line: parsed here, checked by the pool.
 *
 * @module
 */

import type { PoolOptions } from "../core/options/options.ts";
import { isScript } from "../core/launch/program.ts";
import { commandFor, isVerb, readerOf, verbIn } from "./habits.ts";
import { lineOf, readOptions, type RunLine } from "./options.ts";
import { isAskedByFile, parseUpgrade, type UpgradeRequest } from "./upgrade.ts";
import { type ControlCommand, parseControl } from "./verbs.ts";

/** What the command line asks for. */
export type CommandLine =
  /** The help text, or a page of the documentation. */
  | { readonly kind: "help"; readonly topic?: string }
  /** The version. */
  | { readonly kind: "version" }
  /** A pool that runs is to have another supervisor. */
  | { readonly kind: "upgrade"; readonly request: UpgradeRequest }
  /** A pool that runs is asked something. */
  | { readonly kind: "control"; readonly command: ControlCommand }
  /** What a shell reads, or asks for by `--words`. */
  | { readonly kind: "completion"; readonly words: readonly string[] }
  /** This machine is to be judged. */
  | { readonly kind: "doctor"; readonly request: DoctorRequest }
  /** Files for a program are to be written. */
  | { readonly kind: "init"; readonly request: InitRequest }
  /** A pool, or those of a file: to be run, or only looked at. */
  | ({ readonly kind: "run" | "check" } & RunLine);

/** The pool that a machine is judged for, or that is judged itself. */
export interface DoctorRequest {
  /** Its options; the program too, if one is given. */
  readonly options: Partial<PoolOptions>;
  /** The line, where it names a file of pools. */
  readonly line?: RunLine;
  /** A word alone, which may be a pool that runs. */
  readonly target?: string;
  /** True for JSON. */
  readonly json: boolean;
}

/** What files are to be written for. */
export interface InitRequest {
  /** What the words say. */
  readonly line: RunLine;
  /** The options, the program and its arguments, as they were written. */
  readonly words: readonly string[];
  /** True where the files are printed, and none is written. */
  readonly print: boolean;
  /** True where what is there is written over. */
  readonly force: boolean;
}

/**
 * Parses the command line. Options end at the program; what follows it is the
 * program's.
 *
 * @throws {TypeError} when an option is unknown or lacks its value, or the
 * program is missing
 * @throws {RangeError} when a number or a time cannot be read
 */
export function parseCommandLine(args: readonly string[]): CommandLine {
  if (args[0] === "upgrade" && isAskedByFile(args.slice(1))) {
    const request = parseUpgrade(args.slice(1));
    parseControl(["upgrade", "0", ...request.options]);
    return { kind: "upgrade", request };
  }
  if (args[0] === "completion") {
    return { kind: "completion", words: args.slice(1) };
  }
  if (args[0] === "help") return parseHelp(args.slice(1));
  if (args[0] === "doctor") return parseDoctor(args.slice(1));
  if (args[0] === "init") return parseInit(args.slice(1));
  if (args[0] === "check") return parseRun("check", args.slice(1));
  const command = parseControl(args);
  if (command !== undefined) return { kind: "control", command };
  return parseRun("run", args);
}

function parseRun(
  kind: "run" | "check",
  args: readonly string[],
): CommandLine {
  const read = readOptions(args);
  if ("kind" in read) return read;
  const { draft, at } = read;
  const line = lineOf(draft);
  const program = args[at];
  if (program === undefined && args[at - 1] !== "--") {
    return { kind, ...line, ...takenBy(args) };
  }
  // An empty one is a variable of a shell that is not set.
  if (program === undefined || program === "") {
    throw new TypeError(
      "Cannot run without a program: write prefork [options] program [args], see prefork --help",
    );
  }
  const command = commandFor(program);
  if (command !== undefined && args[at - 1] !== "--") {
    throw new TypeError(command);
  }
  const reader = readerOf(isVerb(program) ? args[at + 1] ?? "" : program);
  if (reader !== undefined) throw new TypeError(reader);
  const verb = verbIn(args.slice(at));
  if (verb !== undefined) {
    throw new TypeError(
      `Cannot understand "${program}": ${verb}; write prefork [options] ${
        args[at + 1]
      }`,
    );
  }
  return {
    kind,
    ...line,
    options: { ...line.options, program, args: args.slice(at + 1) },
  };
}

/** The last option, where it has the program for its value. */
function takenBy(args: readonly string[]): Pick<RunLine, "missing"> {
  const [option = "", value = ""] = args.slice(-2);
  if (!option.startsWith("-") || !isScript(value)) return {};
  return {
    missing:
      `"${option}" has taken "${value}" as its value, write prefork ${option} VALUE ${value}`,
  };
}

function parseHelp(args: readonly string[]): CommandLine {
  const [topic, more] = args;
  if (more !== undefined) {
    throw new TypeError(
      `Cannot understand "${more}": write prefork help [TOPIC] (a program of that name: prefork ./help)`,
    );
  }
  return { kind: "help", ...(topic !== undefined && { topic }) };
}

/** `--json`, and what a pool is to be started with. */
function parseDoctor(args: readonly string[]): CommandLine {
  const json = args[0] === "--json";
  const words = json ? args.slice(1) : args;
  const read = readOptions(words);
  if ("kind" in read) return read;
  const line = lineOf(read.draft);
  const { options, config, pm2 } = line;
  const program = words[read.at];
  const given = { ...options, ...(program !== undefined && { program }) };
  const isFile = config !== undefined || pm2 !== undefined;
  const alone = words.length === 1 && program !== undefined &&
    !isScript(program);
  return {
    kind: "doctor",
    request: {
      options: given,
      json,
      ...(isFile && { line: { ...line, options: given } }),
      ...(alone && { target: program }),
    },
  };
}

/** `[--print] [--force] [options] program [args]`. */
function parseInit(args: readonly string[]): CommandLine {
  const own = ["--print", "--force"];
  const end = args.findIndex((arg) => !own.includes(arg));
  const flags = end < 0 ? args : args.slice(0, end);
  const words = args.slice(flags.length);
  const misplaced = own.find((flag) =>
    readsAsOption(words.indexOf(flag), words)
  );
  if (misplaced !== undefined) {
    throw new TypeError(
      `Cannot understand "${misplaced}": it stands right behind init, write prefork init ${misplaced} [options] program [args]`,
    );
  }
  const command = parseCommandLine(words);
  return command.kind !== "run" ? command : {
    kind: "init",
    request: {
      line: {
        missing:
          "write prefork init [--print] [--force] [options] program [args]",
        ...command,
      },
      words,
      print: flags.includes("--print"),
      force: flags.includes("--force"),
    },
  };
}

/** True for a word that stands where an option of ours would. */
function readsAsOption(at: number, words: readonly string[]): boolean {
  if (at < 0) return false;
  const read = readOptions(words.slice(0, at));
  return !("kind" in read) && read.at === at;
}
