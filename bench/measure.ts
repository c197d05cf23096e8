/**
 * Runs the parts one after the other, and in each the rows.
 *
 * @module
 */

import type { Options } from "./options.ts";
import { IN_ROUNDS, judged, type Part, rowsFor } from "./parts.ts";
import { peersOf } from "./peers/peers.ts";
import type { Results, RowResult } from "./results.ts";
import { rowsOf } from "./rows.ts";
import { measureChurn } from "./workloads/churn.ts";
import { measureLoad } from "./workloads/load.ts";
import { measurePlacement } from "./workloads/placement.ts";
import { measureReloads } from "./workloads/reload_under_load.ts";
import { measureReplacements } from "./workloads/replacements.ts";
import { measureTail } from "./workloads/tail.ts";
import { measureUnequal } from "./workloads/unequal.ts";

/** How often a row runs, at most, that no target of the part is about. */
const OTHER_ROUNDS = 1;

type Work = (result: RowResult, round: number) => Promise<void>;

/**
 * Measures what was asked for. A row that fails is noted and does not end the
 * run.
 *
 * @param progress is told what is being done
 */
export async function measure(
  options: Options,
  progress: (line: string) => void,
): Promise<Results> {
  const chosen = options.runtimes
    .flatMap((runtime) => [...rowsOf(runtime), ...peersOf(runtime)])
    .filter(({ id }) =>
      options.rows.length === 0 ||
      options.rows.some((part) => id.includes(part))
    );
  const results: Results = {
    rows: new Map(chosen.map((row): [string, RowResult] => [row.id, {
      row,
      load: new Map(),
      tail: new Map(),
      unequal: new Map(),
      failures: new Set(),
    }])),
    replacements: new Map(),
  };
  const work: Readonly<Record<Exclude<Part, "replacements">, Work>> = {
    async load({ row, load }, round) {
      load.set(round, await measureLoad(row, options.seconds));
    },
    async placement(result) {
      result.placement = await measurePlacement(result.row);
    },
    async tail({ row, tail }, round) {
      tail.set(round, await measureTail(row, options.tailSeconds));
    },
    async unequal({ row, unequal }, round) {
      const sample = await measureUnequal(row, options.unequalSeconds, round);
      unequal.set(round, sample);
    },
    async churn(result) {
      result.churn = await measureChurn(result.row, options.churnSeconds);
    },
    async reload(result) {
      result.reloads = await measureReloads(result.row);
    },
  };
  for (const part of options.parts) {
    if (part === "replacements") {
      await replace(options, results, progress);
      continue;
    }
    const rows = rowsFor(part, chosen);
    const inRounds = IN_ROUNDS.find((each) => each === part);
    const rounds = inRounds === undefined ? 1 : options.rounds[inRounds];
    const important = inRounds === undefined
      ? new Set<string>()
      : judged(inRounds, rows);
    for (let round = 1; round <= rounds; round++) {
      for (const { id } of rows) {
        const often = inRounds === undefined || important.has(id) ||
          round <= OTHER_ROUNDS;
        if (!often) continue;
        progress(`${part} ${round}/${rounds}: ${id}`);
        const result = results.rows.get(id)!;
        try {
          await work[part](result, round);
        } catch (error) {
          const failure = `${part}: ${messageOf(error)}`;
          result.failures.add(failure);
          progress(`${id} failed: ${failure}`);
        }
      }
    }
  }
  return results;
}

async function replace(
  options: Options,
  { replacements }: Results,
  progress: (line: string) => void,
): Promise<void> {
  for (const runtime of options.runtimes) {
    progress(`replacements: ${runtime}`);
    const count = options.replacements;
    const samples = await measureReplacements(runtime, "shared", count)
      .catch(messageOf);
    replacements.set(runtime, samples);
  }
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
