/**
 * How the values of options are read from words of the command line; each throws
 * a `RangeError` or `TypeError` that names the option.
 *
 * @module
 */

import type { Portion } from "../core/options/budget.ts";
import type { PoolOptions, WorkerRuntime } from "../core/options/options.ts";
import type { ScaleRule, WorkerRange } from "../core/options/scaling.ts";

/** A whole number. */
export function count(value: string, name: string): number {
  if (/^[+-]?\d+(e\d+)?$/.test(value)) return Number(value);
  throw new RangeError(
    `Cannot use "${value}" for "${name}": it must be a whole number${
      name === "--workers" ? ", a range such as 2-8, or auto" : ""
    }`,
  );
}

/** A number of workers, or a range of them such as `2-8`. */
export function workers(value: string, name: string): number | WorkerRange {
  const [min, max] = /^(\d+)-(\d+)$/.exec(value)?.slice(1) ?? [];
  return min === undefined
    ? count(value, name)
    : { min: Number(min), max: Number(max) };
}

/** When to scale: a percentage and a time such as `70%/5s`. */
export function rule(value: string, name: string): Partial<ScaleRule> {
  const [part = "", after, ...rest] = value.split("/");
  if (/^\d+(\.\d+)?%$/.test(part) && rest.length === 0) {
    return {
      at: percent(part, name),
      ...(after !== undefined && { after: time(after, name) }),
    };
  }
  throw new RangeError(
    `Cannot use "${value}" for "${name}": it must be a percentage and a time such as 70%/5s`,
  );
}

/** A number of workers, or a percentage of them. */
export function portion(value: string, name: string): Portion {
  if (/^\d+%$/.test(value)) return value as Portion;
  if (/^\d+$/.test(value)) return Number(value);
  throw new RangeError(
    `Cannot use "${value}" for "${name}": it must be a number of workers or a percentage such as 25%`,
  );
}

/** Numbers such as `1,1,1,0.15`. */
export function numbers(value: string, name: string): readonly number[] {
  return value.split(",").map((part) => {
    if (/^\d+(\.\d+)?$/.test(part)) return Number(part);
    throw new RangeError(
      `Cannot use "${value}" for "${name}": it must be numbers such as 1,1,1,0.15`,
    );
  });
}

const UNITS: Readonly<Record<string, number>> = {
  ms: 1,
  s: 1_000,
  "": 1_000,
  m: 60_000,
  h: 3_600_000,
};

/** A time such as `500ms`, `30s` or `2m`, in ms; without a unit it is in seconds. */
export function time(value: string, name: string): number {
  const parts = /^(\d+(?:\.\d+)?)(ms|s|m|h|)$/.exec(value);
  if (parts !== null) return Number(parts[1]) * UNITS[parts[2]!]!;
  throw new RangeError(
    `Cannot use "${value}" for "${name}": it must be a time such as 500ms, 30s or 2m`,
  );
}

/** A number within a time such as `10/60s`. */
export function rate(
  value: string,
  name: string,
): NonNullable<PoolOptions["restarts"]> {
  const [number = "", period, ...rest] = value.split("/");
  if (/^\d+$/.test(number) && rest.length === 0) {
    return {
      intensity: Number(number),
      ...(period !== undefined && { period: time(period, name) }),
    };
  }
  throw new RangeError(
    `Cannot use "${value}" for "${name}": it must be a number and a time such as 10/60s`,
  );
}

const SIZES: Readonly<Record<string, number>> = {
  "": 1,
  K: 2 ** 10,
  M: 2 ** 20,
  G: 2 ** 30,
};

/** A size such as `512M` or `2G`, in bytes. */
export function bytes(value: string, name: string): number {
  const parts = /^(\d+(?:\.\d+)?)([KMG]?)(?:i?B)?$/i.exec(value);
  if (parts !== null) {
    return Math.round(Number(parts[1]) * SIZES[parts[2]!.toUpperCase()]!);
  }
  throw new RangeError(
    `Cannot use "${value}" for "${name}": it must be a size such as 512M or 2G${
      name === "--memory" ? ", or auto" : ""
    }`,
  );
}

/** A percentage, as a part of 1. */
export function percent(value: string, name: string): number {
  const parts = /^(\d+(?:\.\d+)?)%$/.exec(value);
  if (parts !== null) return Number(parts[1]) / 100;
  throw new RangeError(
    `Cannot use "${value}" for "${name}": it must be a percentage such as 10%`,
  );
}

/** A runtime, or how many workers of each. */
export function mix(
  value: string,
  name: string,
): NonNullable<PoolOptions["runtime"]> {
  if (!value.includes("=")) return value as WorkerRuntime;
  const shares: Record<string, number> = {};
  for (const part of value.split(",")) {
    const [runtime = "", number = "", ...rest] = part.split("=");
    if (number === "" || rest.length > 0 || Object.hasOwn(shares, runtime)) {
      throw new TypeError(
        `Cannot use "${value}" for "${name}": it must be a runtime or a mix such as node=3,bun=1`,
      );
    }
    shares[runtime] = count(number, name);
  }
  return shares;
}
