/**
 * What the command line may say of the log.
 *
 * @module
 */

import { resolve } from "node:path";
import { show } from "../core/options/values.ts";
import { LOG_TIMES, type LogTime } from "./log_time.ts";

/** How the log is written. */
export type LogForm = "text" | "json";

/** What was said. */
export interface LogOptions {
  /** Its form. */
  readonly form: LogForm;
  /** The time in front of lines of text. */
  readonly time: LogTime;
  /** What becomes of what programs write; undefined follows the form. */
  readonly programs?: ProgramForm;
  /** A file for it, in place of stderr. */
  readonly file?: string;
}

/** What becomes of what programs write; `docs/LOGS.md` has the table. */
export type ProgramForm = "prefix" | "raw" | "json" | ProgramFiles;

/** Files for what programs write; a stream without one goes into the log. */
export interface ProgramFiles {
  /** For what is written to stdout; to stderr too, unless that has its own. */
  readonly file?: string;
  /** For what is written to stderr. */
  readonly errors?: string;
  /** True where a directory that is not there is made. */
  readonly makes?: boolean;
}

/** What is written unless said otherwise. */
export const USUAL_LOG: LogOptions = { form: "text", time: "auto" };

/**
 * Reads one of some words.
 *
 * @throws {TypeError} when it is none of them
 */
function oneOf<T extends string>(
  known: readonly T[],
  value: string,
  name: string,
): T {
  const found = known.find((each) => each === value);
  if (found !== undefined) return found;
  const list = `${known.slice(0, -1).join(", ")} or ${known.at(-1)}`;
  throw new TypeError(
    `Cannot use ${show(value)} for "${name}": it must be ${list}`,
  );
}

/** Reads the form of the log. */
export const logForm = (value: string, name: string): LogForm =>
  oneOf(["text", "json"], value, name);

/** Reads which time stands in front of lines. */
export const logTime = (value: string, name: string): LogTime =>
  oneOf(LOG_TIMES, value, name);

/** What a file's name can have in braces. */
const PARTS: ReadonlySet<string> = new Set(["{slot}", "{name}"]);

/** Reads what becomes of what programs write. */
export function programForm(value: string, name: string): ProgramForm {
  if (value === "prefix" || value === "raw" || value === "json") return value;
  // A word that is none of these is a slip, and no file.
  if (!/[./]/.test(value)) {
    throw new TypeError(
      `Cannot use "${value}" for "${name}": it must be prefix, raw, json, or a file such as log/app-{slot}.log`,
    );
  }
  const unknown = value.match(/\{[^}]*\}/g)?.find((part) => !PARTS.has(part));
  if (unknown !== undefined) {
    throw new TypeError(
      `Cannot use "${value}" for "${name}": there is no ${unknown}, a file's name can have {slot} and {name}`,
    );
  }
  return { file: value };
}

/** Files whose names begin at a directory. */
export function filesFrom(
  directory: string,
  { file, errors }: ProgramFiles,
): ProgramFiles {
  return {
    ...(file !== undefined && { file: resolve(directory, file) }),
    ...(errors !== undefined && { errors: resolve(directory, errors) }),
  };
}

/** Reads a file for the log. */
export function logFile(value: string, name: string): string {
  if (value !== "") return value;
  throw new TypeError(`Cannot use "" for "${name}": it must be a file`);
}
