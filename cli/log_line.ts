/**
 * One line per event: `prefork what key=value ..`, or JSON.
 *
 * @module
 */

import type { PoolEvent } from "../core/events.ts";
import type { PoolCore } from "../core/pool.ts";
import type { PoolStatus, QueueStatus } from "../core/events.ts";
import type { LogForm } from "./log_options.ts";
import { utcTime } from "./log_time.ts";

/** Events that would only repeat the line before or after them. */
const SILENT: ReadonlySet<PoolEvent["type"]> = new Set([
  "worker-started",
  "worker-draining",
  "worker-parked",
  "worker-message",
  "control-opened",
]);

/** What has happened, by the name that it has in the log. */
export interface Happened {
  /** What. */
  readonly what: string;
  /** The rest of it. */
  readonly fields: Readonly<Record<string, unknown>>;
}

/**
 * An event as the log has it.
 *
 * @param name of its pool, where it is one of several
 */
export function happenedIn(
  event: PoolEvent,
  pool: PoolCore,
  name?: string,
): Happened {
  const { type, ...fields } = event;
  const own = name === undefined ? {} : { pool: name };
  return event.type === "pool-ready"
    ? { what: "ready", fields: { ...own, ...readiness(event, pool.status()) } }
    : { what: type, fields: { ...own, ...fields } };
}

/** True for an event that is worth a line of text. */
export function isTold({ type }: PoolEvent): boolean {
  return !SILENT.has(type);
}

/** The parts of a line of text: `prefork what`, then the fields. */
export function wordsOf({ what, fields }: Happened): readonly string[] {
  const words = [`prefork ${what}`];
  for (const [key, value] of Object.entries(fields)) {
    if (value === null || value === undefined) continue;
    words.push(`${key}=${quoted(textOf(value))}`);
  }
  return words;
}

/** A queue as in 3/511. */
function textOf(value: unknown): string {
  if (typeof value !== "object" || value === null) return String(value);
  const { length, limit } = value as Partial<QueueStatus>;
  return limit === undefined ? String(value) : `${length}/${limit}`;
}

/** The line of something that happened; in JSON with the `time` in UTC. */
export function lineOf(
  form: LogForm,
  what: string,
  fields: Readonly<Record<string, unknown>>,
): string {
  return form === "text"
    ? wordsOf({ what, fields }).join(" ")
    : JSON.stringify({
      time: utcTime(),
      event: what,
      ...fields,
    });
}

function readiness(
  { workers, ms, pid, name }: Extract<PoolEvent, { type: "pool-ready" }>,
  status: PoolStatus,
): Record<string, unknown> {
  return {
    listen: status.listeners.map(({ address }) => address).join(","),
    share: distinct(status.listeners.map(({ share }) => share)),
    workers,
    runtime: distinct(status.workers.map(({ runtime }) => runtime)),
    ms,
    pid,
    name,
  };
}

function distinct(values: readonly string[]): string {
  return [...new Set(values)].join(",");
}

/** Quotes a value that would not survive as one word. */
function quoted(value: string): string {
  return /^[^\s\p{Cc}"=]+$/u.test(value) ? value : JSON.stringify(value);
}
