/**
 * `prefork check`: would it start? Says what a start would find, and starts
 * nothing.
 *
 * @module
 */

import { type Finding, warningOf } from "../core/doctor/finding.ts";
import { EXIT, exitCodeOf } from "../core/errors.ts";
import { checkOptions } from "../core/options/check.ts";
import type { PoolConfig, PoolOptions } from "../core/options/options.ts";
import {
  checkStart,
  type StartFinding,
  type SyntaxProblem,
} from "../core/preflight_check.ts";
import { checkFiles } from "./check_file.ts";
import type { LogOptions } from "./log_options.ts";
import { type DoctorDesk, examine, textOf } from "./doctor.ts";

/** What is looked at, and where is said what was found. */
export interface CheckDesk extends DoctorDesk {
  /** Asks Node whether it can read a program. */
  readonly syntaxProblem: SyntaxProblem;
}

/** A pool that is to be looked at. */
export interface CheckedPool {
  /** Its options, as it would be started with them. */
  readonly options: PoolOptions;
  /** How its log would be written. */
  readonly log: LogOptions;
  /** What the user should know of it. */
  readonly warnings: readonly string[];
}

/**
 * Looks at pools.
 *
 * @returns the exit code: the one with which the start would end, else 0
 * @throws {TypeError | RangeError} when options cannot be used
 */
export async function check(
  pools: readonly CheckedPool[],
  desk: CheckDesk,
): Promise<number> {
  let code: number = EXIT.done;
  for (const { options, log, warnings } of pools) {
    const config = checkOptions(options);
    const found = await checkStart(config, desk.adapter, desk.syntaxProblem);
    const findings: readonly StartFinding[] = [
      ...found,
      ...checkFiles(config, log),
      ...warnings.map((text) => noteOf("options", text)),
      ...await machineNotes(config, found, desk),
    ];
    if (pools.length > 1) desk.stdout.write(`pool "${options.name}"\n`);
    desk.stdout.write(textOf(findings));
    const failing = findings.find(({ verdict }) => verdict === "problem");
    if (failing !== undefined && code === EXIT.done) {
      code = exitCodeOf(failing.error);
    }
  }
  return code;
}

/**
 * What `doctor` finds beside that. It keeps no pool from starting: what would
 * is found by looking at the start itself.
 */
async function machineNotes(
  config: PoolConfig,
  found: readonly Finding[],
  desk: DoctorDesk,
): Promise<readonly Finding[]> {
  const told = new Set(found.map(({ text }) => text));
  return (await examine(config, desk)).flatMap((finding) => {
    const { verdict, subject, text, mend } = finding;
    const again = mend !== undefined && told.has(warningOf({ text, mend }));
    if (verdict === "ok" || again) return [];
    return [{ ...noteOf(subject, text), ...(mend !== undefined && { mend }) }];
  });
}

function noteOf(subject: string, text: string): Finding {
  return { verdict: "note", subject, text };
}
