/**
 * What the numbers have to be.
 *
 * @module
 */

import { balancedVerdicts } from "./balanced_targets.ts";
import { peerVerdicts } from "./peer_targets.ts";
import { overLoad, ratio, type Results, spread } from "./results.ts";
import { growth } from "./workloads/replacements.ts";

/** One target and what was measured. */
export interface Verdict {
  /** What is wanted. */
  readonly target: string;
  /** What it came to. */
  readonly measured: string;
  /** Whether that is enough. */
  readonly met: boolean;
}

/** The targets that this run has numbers for. */
export function verdicts(results: Results): Verdict[] {
  const found: Verdict[] = [];
  const compare = (
    kind: "fresh" | "keepAlive",
    id: string,
    base: string,
    least: number,
    what: string,
  ): void => {
    const measured = ratio(results, kind, id, base);
    if (measured === undefined) return;
    const cpu = ratio(results, kind, id, base, (sample) => sample.cpu);
    found.push({
      target: `${what}: ${id} >= ${least} x ${base}`,
      measured: `${measured.toFixed(3)} x (CPU each ${cpu?.toFixed(3)} x)`,
      met: measured >= least,
    });
  };
  const fresh = "connection per request";
  compare("fresh", "node/sharded", "node/cluster-rr", 2.5, fresh);
  compare("fresh", "node/sharded", "node/hand-sharded", 0.95, fresh);
  for (const { row } of results.rows.values()) {
    const { id, runtime, control } = row;
    if (id.endsWith("/handoff")) {
      compare("fresh", id, `${runtime}/cluster-rr`, 1, fresh);
    }
    if (control !== undefined && id.endsWith("/one-grafted")) {
      for (const kind of ["fresh", "keepAlive"] as const) {
        const what = kind === "fresh" ? fresh : "keep-alive";
        compare(kind, id, `${runtime}/${control}`, 0.97, what);
      }
    } else if (control !== undefined) {
      compare("keepAlive", id, `${runtime}/${control}`, 0.98, "keep-alive");
    }
  }
  for (const result of results.rows.values()) {
    const { id } = result.row;
    if (!id.endsWith("/sharded") || result.load.size === 0) continue;
    const most = overLoad(result, "fresh", spread);
    found.push({
      target: `spread between workers: ${id} max/min <= 1.15`,
      measured: most.toFixed(2),
      met: most <= 1.15,
    });
  }
  found.push(...balancedVerdicts(results), ...peerVerdicts(results));
  for (const [runtime, samples] of results.replacements) {
    const failed = typeof samples === "string";
    const problem = failed ? samples : growth(samples);
    const count = failed ? 0 : samples.at(-1)!.replaced;
    found.push({
      target:
        `supervisor on ${runtime}: no growth of fds or RSS over 1,000 replacements`,
      measured: `${problem ?? "none"} (${count} replaced)`,
      met: problem === undefined && count >= 1000,
    });
  }
  return found;
}
