/**
 * Checks of single values, with errors that name the option, the value and what
 * is valid.
 *
 * @module
 */

import { messageOf } from "../errors.ts";

/** The most workers a pool can have. */
export const MAX_WORKERS = 1024;

/** The longest time that a timer can wait: 2^31 - 1 ms, 24.8 days. */
export const MAX_TIME: number = 2 ** 31 - 1;

/** What was given, or what is assumed without: null was given, and is wrong. */
export function unless<T>(given: T | undefined, usual: T): T {
  return given === undefined ? usual : given;
}

/**
 * Checks a whole number.
 *
 * @param or what else is valid, as the end of the error's sentence
 * @throws {RangeError} naming the option, the value and the range
 */
export function whole(
  name: string,
  value: unknown,
  min: number,
  max: number,
  or = "",
): number {
  if (
    Number.isInteger(value) && (value as number) >= min &&
    (value as number) <= max
  ) {
    return value as number;
  }
  throw new RangeError(
    `Cannot use ${
      show(value)
    } for "${name}": it must be a whole number from ${min} to ${max}${or}`,
  );
}

/** Checks a time in milliseconds. */
export function duration(name: string, value: unknown): number {
  if (typeof value === "number" && value >= 0 && value <= MAX_TIME) {
    return Math.round(value);
  }
  throw new RangeError(
    `Cannot use ${
      show(value)
    } for "${name}": it must be a time in milliseconds from 0 to ${MAX_TIME}`,
  );
}

/** Checks a word that is one of some. */
export function oneOf<const T extends string>(
  name: string,
  value: string,
  valid: readonly T[],
): T {
  if ((valid as readonly string[]).includes(value)) return value as T;
  throw new TypeError(
    `Cannot use ${show(value)} for "${name}": it must be one of ${
      valid.join(", ")
    }`,
  );
}

/**
 * Checks an object whose members count by their names.
 *
 * @param what what it must be, as the end of the error's sentence
 */
export function record<T extends object>(
  name: string,
  value: T,
  what: string,
): T {
  if (typeof value === "object" && value !== null && !Array.isArray(value)) {
    return value;
  }
  throw new TypeError(
    `Cannot use ${show(value)} for "${name}": it must be ${what}`,
  );
}

/** Checks the options that a method was given. */
export function given<T extends object>(method: string, options: T): T {
  return record(`${method}()`, options, "an object, or be left out");
}

/**
 * Checks an array of strings.
 *
 * @param what what it must be, as the end of the error's sentence
 */
export function strings(
  name: string,
  values: readonly string[],
  what = "an array of strings",
): readonly string[] {
  if (!Array.isArray(values)) {
    throw new TypeError(
      `Cannot use ${show(values)} for "${name}": it must be ${what}`,
    );
  }
  return values.map((value, i) => string(`${name}[${i}]`, value));
}

/** Checks a string. */
export function string(name: string, value: unknown): string {
  if (typeof value === "string") return value;
  throw new TypeError(
    `Cannot use ${show(value)} for "${name}": it must be a string`,
  );
}

/** Checks a boolean. */
export function flag(name: string, value: unknown): boolean {
  if (typeof value === "boolean") return value;
  throw new TypeError(
    `Cannot use ${show(value)} for "${name}": it must be true or false`,
  );
}

/** Checks a string that is not empty. */
export function text(name: string, value: unknown): string {
  if (typeof value === "string" && value !== "") return value;
  throw new TypeError(
    `Cannot use ${
      show(value)
    } for "${name}": it must be a string that is not empty`,
  );
}

/** A value in an error; of an array in an array only that it is one. */
export function show(value: unknown): string {
  if (!Array.isArray(value)) return showOne(value);
  const members = value.map((each) =>
    Array.isArray(each) ? "[..]" : showOne(each)
  );
  return `[${members.join(", ")}]`;
}

function showOne(value: unknown): string {
  return typeof value === "string" ? `"${value}"` : messageOf(value);
}
