/**
 * The command line of the bench.
 *
 * @module
 */

import { parseArgs } from "node:util";
import { type Runtime, RUNTIMES } from "../tests/runtimes.ts";
import { type Part, type PartInRounds, PARTS } from "./parts.ts";

/** What is to be run. */
export interface Options {
  /** The runtimes whose rows run. */
  readonly runtimes: readonly Runtime[];
  /** Parts of row ids, or all rows when empty. */
  readonly rows: readonly string[];
  /** The parts. */
  readonly parts: readonly Part[];
  /** How often each row runs. */
  readonly rounds: Readonly<Record<PartInRounds, number>>;
  /** How long one measurement of the load takes, in seconds. */
  readonly seconds: number;
  /** How long the open loop of the tail takes at the highest rate, in seconds. */
  readonly tailSeconds: number;
  /** How long connections that cost unequally are measured, in seconds. */
  readonly unequalSeconds: number;
  /** How long each kind of churn takes, in seconds. */
  readonly churnSeconds: number;
  /** How many workers are replaced. */
  readonly replacements: number;
  /** Where the samples go as JSON. */
  readonly json: string | undefined;
  /** True when everything is run, so that RESULTS.md is written. */
  readonly whole: boolean;
  /** True when it only has to be seen that it runs. */
  readonly quick: boolean;
}

/** What `--help` prints. */
export const HELP: string = `Usage: npm run bench -- [options]

  --runtime node,deno,bun   the rows of these runtimes
  --rows sharded,cluster    only rows whose id contains one of these
  --part ${PARTS.join(",")}
  --quick                   one short round of each: to see that it runs
  --rounds N                how often load, tail and unequal are measured
  --seconds S               how long one measurement of the load takes
  --json FILE               every sample

npm run bench -- start      what a start and a reload cost; see start --help
npm run bench -- scale      what an event costs in a pool of 10 to 10,000 slots
npm run bench -- dgram      datagrams answered by one process and by a pool
npm run bench -- bridge     what a request of a fetch handler costs on Node
npm run bench -- steer      the kernel's choice beside the other ways to share
npm run bench -- rebalance  kept connections after a scale and a reload
`;

/**
 * Reads the command line.
 *
 * @returns the options, or undefined when help was asked for
 * @throws {TypeError} for anything unknown
 */
export function parseOptions(args: readonly string[]): Options | undefined {
  const { values } = parseArgs({
    args: [...args],
    options: {
      runtime: { type: "string" },
      rows: { type: "string" },
      part: { type: "string" },
      quick: { type: "boolean", default: false },
      rounds: { type: "string" },
      seconds: { type: "string" },
      json: { type: "string" },
      help: { type: "boolean", short: "h", default: false },
    },
  });
  if (values.help) return undefined;
  const quick = values.quick;
  const rounds = (otherwise: number): number =>
    count("--rounds", values.rounds, quick ? 1 : otherwise);
  return {
    runtimes: among("--runtime", values.runtime, RUNTIMES),
    rows: list(values.rows) ?? [],
    parts: among("--part", values.part, PARTS),
    rounds: { load: rounds(3), tail: rounds(2), unequal: rounds(2) },
    seconds: count("--seconds", values.seconds, 1),
    tailSeconds: quick ? 1 : 2.5,
    unequalSeconds: quick ? 1 : 4,
    churnSeconds: quick ? 1 : 3,
    replacements: quick ? 80 : 1000,
    json: values.json,
    whole: !quick && values.runtime === undefined &&
      values.rows === undefined && values.part === undefined,
    quick,
  };
}

function list(value: string | undefined): string[] | undefined {
  return value?.split(",").map((each) => each.trim());
}

/**
 * Some of what is known, as a list with commas; all of it where none is given.
 *
 * @throws {TypeError} for one that is unknown
 */
export function among<T extends string>(
  option: string,
  value: string | undefined,
  known: readonly T[],
): readonly T[] {
  const wanted = list(value);
  if (wanted === undefined) return known;
  const unknown = wanted.find((each) => !known.includes(each as T));
  if (unknown === undefined) return known.filter((k) => wanted.includes(k));
  throw new TypeError(
    `Cannot use ${option} "${unknown}": it must be some of ${known.join(",")}`,
  );
}

function count(
  option: string,
  value: string | undefined,
  otherwise: number,
): number {
  const number = value === undefined ? otherwise : Number(value);
  if (Number.isInteger(number) && number > 0) return number;
  throw new TypeError(
    `Cannot use ${option} "${value}": it must be a whole number above 0`,
  );
}
