/**
 * `prefork doctor`: looks at the machine, and says what is in the way of a pool.
 *
 * @module
 */

import type { Adapter } from "../core/adapter.ts";
import { findingsOf } from "../core/doctor/doctor.ts";
import type { ForbiddenFacts, MachineFacts } from "../core/doctor/facts.ts";
import type { Finding, Verdict } from "../core/doctor/finding.ts";
import { EXIT } from "../core/errors.ts";
import { isScript, runtimePattern } from "../core/launch/program.ts";
import { checkOptions } from "../core/options/check.ts";
import {
  type PoolConfig,
  WHERE_PROGRAM,
  type WorkerRuntime,
} from "../core/options/options.ts";
import type { DoctorRequest } from "./arguments.ts";
import type { RunLine } from "./options.ts";
import type { PoolMachine } from "./doctor_pool.ts";
import type { Output } from "./output.ts";
import type { Plan } from "./pools.ts";

/** Where the machine is seen, and where is said how it is. */
export interface DoctorDesk {
  /** Where to say it. */
  readonly stdout: Output;
  /** What would supervise. */
  readonly adapter: Adapter;
  /** Looks at the machine. */
  gather(
    adapter: Adapter,
    config: PoolConfig,
  ): Promise<MachineFacts | ForbiddenFacts>;
}

/** Stands for a program that was not given: one for the own runtime. */
const ANY_PROGRAM = "server.js";

/** How pools are found that a request names. */
export interface DoctorPools {
  /** Reads a file of them. */
  plan(line: RunLine): Promise<Plan>;
  /** Where those are that run. */
  readonly machine: PoolMachine;
}

/**
 * Judges the machine, for a pool, each of a file, or one that runs.
 *
 * @returns the exit code: 1 where there is a problem
 * @throws {TypeError | RangeError} when the options cannot be used
 */
export async function doctor(
  { options, line, target, json }: DoctorRequest,
  { stdout, adapter, gather }: DoctorDesk,
  { plan, machine }: DoctorPools,
): Promise<number> {
  const alone = target === undefined
    ? undefined
    : await (await import("./doctor_pool.ts")).examinePool(
      target,
      adapter,
      machine,
    );
  const planned = line === undefined ? undefined : (await plan(line)).pools;
  const all = alone ? [] : planned?.map((each) => each.options) ?? [options];
  const found = [...alone ? [alone] : []];
  for (const each of all) {
    const config = checkOptions({
      program: ANY_PROGRAM,
      listen: WHERE_PROGRAM,
      control: "auto",
      ...each,
    });
    const findings = await examine(config, { adapter, gather });
    found.push(findings);
    if (all.length > 1 && !json) stdout.write(`pool "${each.name}"\n`);
    if (!json) stdout.write(textOf(findings));
  }
  if (alone && !json) stdout.write(textOf(alone));
  if (json) stdout.write(`${JSON.stringify(found.flat())}\n`);
  const fine = found.flat().every(({ verdict }) => verdict !== "problem");
  return fine ? EXIT.done : EXIT.internal;
}

/** What is found on this machine for a pool. */
export async function examine(
  config: PoolConfig,
  { adapter, gather }: Omit<DoctorDesk, "stdout">,
): Promise<readonly Finding[]> {
  const facts = await gather(adapter, config);
  return findingsOf(facts, { config, runtimes: runtimesOf(config, adapter) });
}

/** What would run the workers, as far as that is known without a program. */
function runtimesOf(
  config: PoolConfig,
  adapter: Adapter,
): readonly WorkerRuntime[] {
  const { runtimes, program } = config;
  if (runtimes !== undefined) return runtimes.map(({ runtime }) => runtime);
  return [
    isScript(program) ? adapter.runtime : runtimePattern(config, adapter)(0),
  ];
}

/** A line for each, and below it what mends it. */
export function textOf(findings: readonly Finding[]): string {
  const width = Math.max(...findings.map(({ subject }) => subject.length));
  const lines = findings.flatMap(({ verdict, subject, text, mend }) => [
    `${verdict.padEnd(7)}  ${subject.padEnd(width)}  ${text}`,
    ...(mend === undefined
      ? []
      : [`${" ".repeat(9)}${" ".repeat(width)}  mend: ${mend}`]),
  ]);
  const count = (verdict: Verdict): number =>
    findings.filter((each) => each.verdict === verdict).length;
  const [problems, notes] = [count("problem"), count("note")];
  return `${lines.join("\n")}\n\n${plural(problems, "problem")}, ${
    plural(notes, "note")
  }\n`;
}

function plural(count: number, word: string): string {
  return `${count === 0 ? "no" : count} ${word}${count === 1 ? "" : "s"}`;
}
