/**
 * How a line looks on a terminal: in colours, by what it tells, and wrapped
 * between its fields.
 *
 * @module
 */

import type { PoolEvent } from "../core/events.ts";
import type { Output } from "./output.ts";

/** What an event means for whoever looks after the pool. */
export type Tone = "good" | "warn" | "bad" | "plain";

const TONES: Readonly<Record<string, Tone>> = {
  ready: "good",
  "reload-finished": "good",
  "upgrade-finished": "good",
  "pool-recovered": "good",
  "listener-up": "good",
  warning: "warn",
  "control-off": "warn",
  "worker-noise": "warn",
  "worker-respawning": "warn",
  "pool-degraded": "warn",
  "reload-rollback": "warn",
  "worker-hung": "bad",
  "worker-deaf": "bad",
  "worker-killed": "bad",
  "reload-failed": "bad",
  "upgrade-failed": "bad",
  "pool-down": "bad",
  "listener-down": "bad",
  "output-lost": "bad",
};

/** Ends of workers that nobody has asked for. */
const BAD_ENDS: ReadonlySet<unknown> = new Set<
  Extract<PoolEvent, { type: "worker-exited" }>["reason"]
>(["boot-failed", "crashed", "crashed-draining", "oom", "killed"]);

/** What something means that has happened. */
export function toneOf(
  what: string,
  fields: Readonly<Record<string, unknown>>,
): Tone {
  if (what === "worker-exited") {
    return BAD_ENDS.has(fields["reason"]) ? "bad" : "plain";
  }
  return Object.hasOwn(TONES, what) ? TONES[what]! : "plain";
}

/** Select Graphic Rendition (ECMA-48 SGR): the 8 colours of every terminal. */
const SGR = { good: 32, warn: 33, bad: 31, slot: 36, faint: 2 } as const;

/** How lines look. */
export interface Look {
  /** True for colours. */
  readonly colour: boolean;
  /** How many columns there are; undefined where lines are not wrapped. */
  readonly columns: number | undefined;
}

/**
 * True where an output gets colours: on a terminal, unless `NO_COLOR` is there
 * (no-color.org) or `TERM` is `dumb`. `FORCE_COLOR` goes before them
 * (force-color.org; `0` and `false` turn them off, as with Node).
 */
export function hasColour(
  { isTTY }: Pick<Output, "isTTY">,
  variable: (name: string) => string | undefined,
): boolean {
  const forced = variable("FORCE_COLOR");
  if (forced) return forced !== "0" && forced !== "false";
  if (variable("NO_COLOR") || variable("TERM") === "dumb") return false;
  return isTTY === true;
}

/** A part of a line in a colour. */
export function inColour(
  text: string,
  tone: Exclude<Tone, "plain"> | "slot" | "faint",
): string {
  return text === "" ? text : `\x1b[${SGR[tone]}m${text}\x1b[0m`;
}

/** Further lines of one event begin with so many spaces. */
const INDENT = 4;

/**
 * A line of the log for whoever looks on.
 *
 * @param words `prefork what` and then the fields, each `key=value`
 */
export function shown(
  stamp: string,
  [head = "", ...fields]: readonly string[],
  tone: Tone,
  { colour, columns = Infinity }: Look,
): string {
  const painted = colour && tone !== "plain" ? inColour(head, tone) : head;
  let text = (colour ? inColour(stamp, "faint") : stamp) + painted;
  let at = stamp.length + head.length;
  for (const field of fields) {
    const width = [...field].length;
    if (at + 1 + width > columns && at > INDENT) {
      text += `\n${" ".repeat(INDENT)}`;
      at = INDENT;
    } else {
      text += " ";
      at++;
    }
    text += colour ? paintedField(field) : field;
    at += width;
  }
  return text;
}

/** The key is what the eye skips. */
function paintedField(field: string): string {
  const equals = field.indexOf("=") + 1;
  return inColour(field.slice(0, equals), "faint") + field.slice(equals);
}
