/**
 * The table of supervisors whose workers were replaced.
 *
 * @module
 */

import type { Results } from "../results.ts";
import { count, decimal, table } from "../table.ts";
import { growth } from "../workloads/replacements.ts";

/** Files and memory, one line per supervisor. */
export function replacementsTable(results: Results): string {
  if (results.replacements.size === 0) return "";
  const lines = [...results.replacements].map(([runtime, samples]) => {
    if (typeof samples === "string") {
      return [runtime, "-", "-", "-", `failed: ${samples}`];
    }
    const first = samples[1]!;
    const middle = samples[Math.floor(samples.length / 2)]!;
    const last = samples.at(-1)!;
    return [
      runtime,
      count(last.replaced),
      `${first.fds} / ${last.fds}`,
      [first, middle, last].map(({ rss }) => decimal(rss / 2 ** 20, 1))
        .join(" / "),
      growth(samples) ?? "no growth",
    ];
  });
  return table(
    [
      "supervisor",
      "replaced",
      "fds first / last",
      "RSS MiB first / middle / last",
      "verdict",
    ],
    lines,
  );
}
