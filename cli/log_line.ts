/**
 * One line per event: `prefork what key=value ..`, or JSON.
 *
 * @module
 */

import type { LogForm } from "./arguments.ts";
import type { PoolEvent } from "../core/events.ts";
import type { PoolCore } from "../core/pool.ts";
import type { PoolStatus } from "../core/events.ts";

/** Events that would only repeat the line before or after them. */
const SILENT: ReadonlySet<PoolEvent["type"]> = new Set([
  "worker-started",
  "worker-draining",
  "worker-parked",
  "worker-message",
  "pool-ready",
  "control-opened",
]);

/** The line of an event, or undefined for one that is not worth a line. */
export function textLine(event: PoolEvent): string | undefined {
  if (SILENT.has(event.type)) return undefined;
  const { type, ...fields } = event;
  return lineOf("text", type, fields);
}

/** The line of something that happened; in JSON with the `time` in UTC. */
export function lineOf(
  form: LogForm,
  what: string,
  fields: Readonly<Record<string, unknown>>,
): string {
  return form === "text"
    ? `prefork ${what}${keysAndValues(fields)}`
    : JSON.stringify({
      time: new Date().toISOString(),
      event: what,
      ...fields,
    });
}

/** The one line that says that the pool is ready. */
export function readyLine(
  event: Extract<PoolEvent, { type: "pool-ready" }>,
  status: PoolStatus,
): string {
  return lineOf("text", "ready", readiness(event, status));
}

/** An event as one line of JSON. */
export function jsonLine(event: PoolEvent, pool: PoolCore): string {
  const { type, ...fields } = event;
  const more = event.type === "pool-ready"
    ? readiness(event, pool.status())
    : fields;
  return lineOf("json", type === "pool-ready" ? "ready" : type, { ...more });
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

function keysAndValues(fields: Readonly<Record<string, unknown>>): string {
  let text = "";
  for (const [key, value] of Object.entries(fields)) {
    if (value === null || value === undefined) continue;
    text += ` ${key}=${quoted(String(value))}`;
  }
  return text;
}

/** Quotes a value that would not survive as one word. */
function quoted(value: string): string {
  return /^[^\s\p{Cc}"=]+$/u.test(value) ? value : JSON.stringify(value);
}
