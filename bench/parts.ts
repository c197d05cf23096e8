/**
 * The parts of the bench: which rows say something in each, and which of them a
 * target is about, so that they run in every round.
 *
 * @module
 */

import type { Row } from "./rows.ts";

/** The parts. */
export const PARTS = [
  "load",
  "placement",
  "tail",
  "unequal",
  "churn",
  "reload",
  "replacements",
] as const;

/** One of them. */
export type Part = (typeof PARTS)[number];

/** The parts that run in rounds. */
export const IN_ROUNDS = ["load", "tail", "unequal"] as const;

/** One of them. */
export type PartInRounds = (typeof IN_ROUNDS)[number];

/** Ways of sharing, each of them once: controls are placed as they are. */
const MODE =
  /\/(?:grafted-)?(?:shared|balanced|balanced-queue|sharded|handoff|cluster-rr|cluster-none)$/;

/** What `balanced` is compared with, and itself. */
const RIVAL =
  /\/(?:grafted-)?(?:shared|balanced|balanced-queue|sharded|cluster-rr)$/;

/** Modes that do what another one does, by other means. */
const ALIKE = /\/(?:native-)?reuseport$/;

/** The rows that a part measures, among these. */
export function rowsFor(part: Part, rows: readonly Row[]): readonly Row[] {
  switch (part) {
    case "load":
      return rows;
    case "placement":
    case "tail":
      return rows.filter(({ id, rival }) =>
        MODE.test(id) || rival !== undefined
      );
    case "unequal":
      return rows.filter(({ id }) => MODE.test(id));
    case "churn":
      return rows.filter(({ watched }) => watched !== undefined);
    case "reload":
      return rows.filter(({ reloads }) => reloads !== undefined);
    case "replacements":
      return [];
  }
}

/** The ids of the rows that need all rounds of a part, among these. */
export function judged(
  part: PartInRounds,
  rows: readonly Row[],
): ReadonlySet<string> {
  const ids = rows.flatMap(({ id, runtime, control, rival }) => {
    if (rival !== undefined) return [id];
    if (part === "load" && control !== undefined && !ALIKE.test(id)) {
      return [id, `${runtime}/${control}`];
    }
    return RIVAL.test(id) ? [id] : [];
  });
  return new Set(ids);
}
