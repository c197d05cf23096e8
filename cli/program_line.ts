/**
 * A line that a program has written, as an object of JSON.
 *
 * @module
 */

import type { ProgramLine } from "./log_stack.ts";
import { lineOf } from "./log_line.ts";
import { utcTime } from "./log_time.ts";

/** Under these names libraries for logs say when (pino, winston, zap, ECS). */
const TIMES = ["time", "timestamp", "ts", "@timestamp"] as const;

/** The object that a line is, if it is one. */
export function objectIn(
  line: string,
): Readonly<Record<string, unknown>> | undefined {
  if (!/^\s*\{.*\}\s*$/s.test(line)) return undefined;
  try {
    return JSON.parse(line);
  } catch {
    return undefined;
  }
}

/** A line with the name of its pool, where that is one of several. */
export type PoolLine = ProgramLine & { readonly pool?: string };

/**
 * What a program has written as JSON: its own object with `slot`, `generation`,
 * `pid`, `stream` (and `pool`, of several) behind what it has, and with the
 * `time` where it has none. What the program says is left as it is written;
 * where it says something else under one of these names, ours has `prefork_`
 * before it.
 */
export function withWorker(
  object: Readonly<Record<string, unknown>>,
  { type: _type, line, ...own }: PoolLine,
): string {
  const added: Record<string, unknown> = {};
  for (const [name, value] of Object.entries(own)) {
    let key = name;
    while (Object.hasOwn(object, key) && object[key] !== value) {
      key = `prefork_${key}`;
    }
    if (!Object.hasOwn(object, key)) added[key] = value;
  }
  if (!TIMES.some((name) => Object.hasOwn(object, name))) {
    added["time"] = utcTime();
  }
  // As text: a number beyond 2^53 would not survive being read.
  const text = line.trim().slice(0, -1).trimEnd();
  const more = JSON.stringify(added).slice(1);
  return more === "}"
    ? `${text}}`
    : `${text}${text.endsWith("{") ? "" : ","}${more}`;
}

/** What a program has written as text, a line or several. */
export function asObject(
  { type: what, line: _line, ...fields }: PoolLine,
  text: string,
): string {
  return lineOf("json", what, { ...fields, line: text });
}
