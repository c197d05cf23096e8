/**
 * What the command line may say of the log.
 *
 * @module
 */

import { LOG_TIMES, type LogTime } from "./log_time.ts";

/** How the log is written. */
export type LogForm = "text" | "json";

/** What was said. */
export interface LogOptions {
  /** Its form. */
  readonly form: LogForm;
  /** The time in front of lines of text. */
  readonly time: LogTime;
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
    `Cannot use "${value}" for "${name}": it must be ${list}`,
  );
}

/** Reads the form of the log. */
export const logForm = (value: string, name: string): LogForm =>
  oneOf(["text", "json"], value, name);

/** Reads which time stands in front of lines. */
export const logTime = (value: string, name: string): LogTime =>
  oneOf(LOG_TIMES, value, name);
