/**
 * What a configuration file says now, for a reload.
 *
 * @module
 */

import type { LogOptions } from "./log_options.ts";
import type { RunLine } from "./options.ts";
import { type Place, type Plan, type PlannedPool, planOf } from "./pools.ts";
import { inThread } from "./renewal_reader.ts";

/**
 * Reads the options of a pool again.
 *
 * @throws {TypeError | RangeError} when the file cannot be used, or has the pool
 * no more
 */
export async function renewed(
  { options: { name }, log }: PlannedPool,
  before: Plan,
  line: RunLine,
  place: Place,
): Promise<Pick<PlannedPool, "options" | "warnings">> {
  const { pools, file } = await planOf(line, { ...place, load: inThread });
  const several = before.pools.length > 1;
  const now = several
    ? pools.find(({ options }) => options.name === name)
    : pools.length === 1
    ? pools[0]
    : undefined;
  if (now === undefined) {
    throw new TypeError(
      several
        ? `${file} has no pool "${name}" any more, "prefork stop ${name}" ends it`
        : `${file} has ${pools.length} pools now, and this is one: start the command anew`,
    );
  }
  const old = new Set(before.pools.map(({ options }) => options.name));
  const isFirst = before.pools[0]?.options.name === name;
  const added = several && isFirst
    ? pools.filter(({ options }) => !old.has(options.name))
    : [];
  return {
    options: now.options,
    warnings: [
      ...added.map(({ options }) =>
        `the pool "${options.name}" is new in ${file}: it runs from the next start of the command on`
      ),
      ...changedLog(log, now.log),
    ],
  };
}

/** The log is the supervisor's: it has the files open. */
function changedLog(before: LogOptions, now: LogOptions): readonly string[] {
  const options = { form: "log", time: "logTime", file: "logFile" } as const;
  const names = Object.entries({ ...options, programs: "output" } as const);
  return names.flatMap(([member, name]) => {
    const [old, next] = [before, now].map((log) =>
      JSON.stringify(log[member as keyof LogOptions])
    );
    return old === next
      ? []
      : [`"${name}" has changed, which counts from an upgrade on`];
  });
}
