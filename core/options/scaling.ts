/**
 * How many workers a pool has, and what it changes that number by.
 *
 * @module
 */

import { refuseUnknown } from "./names.ts";
import { duration, MAX_WORKERS, record, show, whole } from "./values.ts";

/** The least and the most workers of a pool that scales by its load. */
export interface WorkerRange {
  /** So many it begins with. */
  readonly min: number;
  /** So many it may come to. */
  readonly max: number;
}

/** When a pool is to have more workers, or fewer. */
export interface ScaleRule {
  /** The mean utilisation of its workers, from 0 to 1. */
  readonly at: number;
  /** Over how long, in milliseconds: also the shortest time after a change. */
  readonly after: number;
}

/** The options that say so. */
export interface ScalingOptions {
  /**
   * How many workers, or `"auto"` for one per CPU that affinity and cgroup
   * grant. `{ min: 2, max: 8 }` scales between these by the load (`scaleUp`,
   * `scaleDown`).
   *
   * @default {"auto"}
   */
  readonly workers?: number | "auto" | WorkerRange;
  /**
   * With a range of `workers`: from which utilisation on there is to be more of
   * them. It is the part of the time in which the event loop of a worker is on a
   * CPU, by the kernel's count. Connections that wait in the accept queue for as
   * long do the same.
   *
   * @default {{ at: 0.7, after: 5_000 }}
   */
  readonly scaleUp?: Partial<ScaleRule>;
  /**
   * Below which there is to be one fewer.
   *
   * @default {{ at: 0.3, after: 60_000 }}
   */
  readonly scaleDown?: Partial<ScaleRule>;
}

/** The same, checked. */
export interface ScalingConfig {
  /** Undefined for a pool that does not scale by itself. */
  readonly range: WorkerRange | undefined;
  /** When there are to be more. */
  readonly scaleUp: ScaleRule;
  /** When there is to be one fewer. */
  readonly scaleDown: ScaleRule;
}

const USUAL_UP: ScaleRule = { at: 0.7, after: 5_000 };
const USUAL_DOWN: ScaleRule = { at: 0.3, after: 60_000 };

/** The shortest time that a mean is taken over: the kernel counts 10 ms. */
const SHORTEST_MS = 500;

/**
 * Checks how many workers there are to be at the start, and between which
 * numbers they scale.
 *
 * @throws {RangeError} naming the value and what is valid
 * @throws {TypeError} for a range with a member of another name
 */
export function checkWorkers(
  workers: unknown,
): { readonly workers?: number; readonly range?: WorkerRange } {
  if (workers === undefined || workers === "auto") return {};
  if (!isRange(workers)) {
    const or = `, "auto" or a range such as { min: 2, max: 8 }`;
    return { workers: whole("workers", workers, 1, MAX_WORKERS, or) };
  }
  refuseUnknown("workers", workers, ["min", "max"]);
  const { min, max } = workers;
  const least = whole("workers.min", min, 1, MAX_WORKERS);
  const range = {
    min: least,
    max: whole("workers.max", max, least, MAX_WORKERS),
  };
  return { workers: least, range };
}

function isRange(workers: unknown): workers is Partial<WorkerRange> {
  return typeof workers === "object" && workers !== null &&
    ("min" in workers || "max" in workers);
}

/**
 * Checks another number of workers for a pool that runs.
 *
 * @throws {RangeError} when it is neither in the range nor 0, or without one
 * above the most
 */
export function checkScale(
  workers: number,
  range: WorkerRange | undefined,
  most: number,
): number {
  if (range === undefined) return whole("workers", workers, 0, most);
  if (workers === 0) return 0;
  return whole("workers", workers, range.min, range.max, ", or 0");
}

/**
 * Checks the rules of scaling and completes them.
 *
 * @throws {RangeError} when a number is out of range, or a pool that is not
 * busy enough to keep its workers would be busy enough for more
 * @throws {TypeError} for a rule with a member of another name
 */
export function checkScaling(
  { scaleUp, scaleDown }: ScalingOptions,
): Pick<ScalingConfig, "scaleUp" | "scaleDown"> {
  const up = checkRule("scaleUp", scaleUp, USUAL_UP);
  const down = checkRule("scaleDown", scaleDown, USUAL_DOWN);
  if (down.at < up.at) return { scaleUp: up, scaleDown: down };
  throw new RangeError(
    `Cannot create a pool: "scaleDown.at" is ${down.at} and "scaleUp.at" is ${up.at}, it has to be below that`,
  );
}

function checkRule(
  name: string,
  given: Partial<ScaleRule> = {},
  usual: ScaleRule,
): ScaleRule {
  record(name, given, "an object such as { at: 0.7, after: 5_000 }");
  refuseUnknown(name, given, ["at", "after"]);
  const { at, after } = { ...usual, ...given };
  if (!(typeof at === "number" && at > 0 && at <= 1)) {
    throw new RangeError(
      `Cannot use ${
        show(at)
      } for "${name}.at": it must be a part of the time, above 0 and at most 1`,
    );
  }
  const ms = duration(`${name}.after`, after);
  if (ms >= SHORTEST_MS) return { at, after: ms };
  throw new RangeError(
    `Cannot use ${ms} for "${name}.after": it must be a time of at least ${SHORTEST_MS} ms`,
  );
}
