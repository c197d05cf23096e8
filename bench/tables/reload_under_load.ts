/**
 * The table of the reloads under load.
 *
 * @module
 */

import type { Results } from "../results.ts";
import { count, decimal, table } from "../table.ts";

/** A line for each way to reload each row. */
export function reloadsTable({ rows }: Results): string {
  const lines = [...rows.values()].flatMap(({ row, reloads = [] }) =>
    reloads.map(({ by, answered, failed, cut, announced, time }) => [
      row.id,
      by,
      count(answered),
      count(failed),
      count(cut),
      count(announced),
      decimal(time / 1000, 1),
    ])
  );
  if (lines.length === 0) return "";
  return table(
    ["row", "by", "answered", "failed", "cut", "closed with notice", "s"],
    lines,
  );
}
