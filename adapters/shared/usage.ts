/**
 * What a process has used, from proc(5) of Linux. Whoever asks again soon gets
 * the same, so that asking often costs little.
 *
 * @module
 */

import type { ProcessUsage } from "../../core/adapter/look.ts";
import { rssOf, TICK_MS } from "./look.ts";
import { statOf } from "./proc.ts";

/** For so long what was read is taken for new, in ms. */
const FRESH_MS = 250;

/** As many as there can be, and those that have ended. */
const MAX_KNOWN = 4096;

const known = new Map<
  number,
  { readonly at: number; readonly usage: ProcessUsage | undefined }
>();

/** See {@linkcode Host.usage}. */
export function usageOf(pid: number): ProcessUsage | undefined {
  const now = performance.now();
  const before = known.get(pid);
  if (before !== undefined && now - before.at < FRESH_MS) return before.usage;
  if (known.size >= MAX_KNOWN) known.clear();
  const usage = read(pid);
  known.set(pid, { at: now, usage });
  return usage;
}

function read(pid: number): ProcessUsage | undefined {
  const cpu = statOf(pid)?.cpu;
  const rss = rssOf(pid);
  return cpu === undefined || rss === undefined
    ? undefined
    : { cpu: cpu * TICK_MS, rss };
}
