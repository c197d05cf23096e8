/**
 * The time in front of a line of text.
 *
 * @module
 */

import { readlinkSync } from "node:fs";
import process from "node:process";
import type { Output } from "./output.ts";

/** What the command line may say of it; `docs/LOGS.md` has the reasons. */
export const LOG_TIMES = ["auto", "local", "utc", "off"] as const;

/** One of these. */
export type LogTime = (typeof LOG_TIMES)[number];

/** Writes a time, with the space behind it; nothing where there is to be none. */
export type Stamp = (at?: Date) => string;

/** How times are written to an output. */
export function stampFor(
  wanted: LogTime,
  { isJournal, isTTY }: Pick<Output, "isJournal" | "isTTY">,
): Stamp {
  if (wanted === "off") return () => "";
  if (wanted === "utc") return (at) => `${utcTime(at)} `;
  if (wanted === "local") return (at) => `${localTime(at)} `;
  // Each line of the journal has its own.
  if (isJournal === true) return () => "";
  // Who looks on knows what day it is, and a line has 80 columns.
  return isTTY === true
    ? (at) => `${localTime(at).slice(11, 23)} `
    : (at) => `${localTime(at)} `;
}

/** RFC 3339 in UTC. */
export function utcTime(at: Date = new Date()): string {
  return at.toISOString();
}

/**
 * RFC 3339 in the zone of this machine, with milliseconds:
 * `2026-05-01T12:00:00.000+02:00`.
 */
export function localTime(at: Date = new Date()): string {
  const ahead = isUtc() ? 0 : -at.getTimezoneOffset();
  const wall = new Date(at.getTime() + ahead * 60_000).toISOString();
  const minutes = Math.abs(ahead);
  const two = (value: number): string => String(value).padStart(2, "0");
  return `${wall.slice(0, -1)}${ahead < 0 ? "-" : "+"}${
    two(Math.floor(minutes / 60))
  }:${two(Math.floor(minutes % 60))}`;
}

/**
 * True on Bun where the zone is UTC by its name. To ask a date for its distance
 * loads the data of all zones there: a third of what an empty program costs
 * (1.4.4, 11 of 36 ms of CPU).
 */
function isUtc(): boolean {
  if (process.versions["bun"] === undefined) return false;
  try {
    const zone = process.env["TZ"] ?? readlinkSync("/etc/localtime");
    return /(?:^:?|\/)UTC$/.test(zone);
  } catch {
    return false;
  }
}
