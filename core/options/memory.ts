/**
 * How much memory a pool may take, as it can be asked for.
 *
 * @module
 */

import { show } from "./values.ts";

/** The option that says so. */
export interface MemoryOptions {
  /**
   * The memory of the supervisor and all workers, in bytes; `"auto"` is the
   * least limit of the cgroup that the supervisor is in, and of those around
   * it. What the supervisor does not hold itself is divided by the workers that
   * there may be, `workers`, `maxSurge` and `standby`. Of its part a worker on
   * Node or Deno gets three quarters as the limit of V8's heap, at most all but
   * 64 MiB, unless it is given one already (`runtimeArgs`, `NODE_OPTIONS`,
   * `DENO_V8_FLAGS`), and each one is recycled at 80 % of it, unless `maxRss` is
   * given. A reload parks no old workers (`rollback`) for which there is no
   * room. See docs/SUPERVISION.md.
   *
   * @default no limit
   */
  readonly memory?: number | "auto";
}

/** The same, checked. */
export interface MemoryConfig {
  /** The memory of the pool in bytes, `"auto"`, or undefined for no limit. */
  readonly memory: number | "auto" | undefined;
}

/** The least that can be meant: a supervisor and a worker of any runtime. */
const LEAST = 64 * 2 ** 20;

/**
 * Checks the option.
 *
 * @throws {RangeError} naming the value and what is valid
 */
export function checkMemory(value: unknown): MemoryConfig["memory"] {
  if (value === undefined || value === "auto") return value;
  const fits = typeof value === "number" && value >= LEAST &&
    value <= Number.MAX_SAFE_INTEGER;
  if (fits) return Math.round(value);
  throw new RangeError(
    `Cannot use ${
      show(value)
    } for "memory": it must be a number of bytes from ${LEAST} on, or "auto" for the limit of the cgroup`,
  );
}
