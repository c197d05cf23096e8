/**
 * Checks a command before it is started, so that a missing program is the same
 * sentence on every runtime and never an event that comes later.
 *
 * @module
 */

import { existsSync, statSync } from "node:fs";
import path from "node:path";
import process from "node:process";
import type { SpawnPlan } from "../../core/adapter.ts";
import { forbiddenIn, messageOf, PreforkError } from "../../core/errors.ts";
import { host, isExecutable, programProblem } from "./host.ts";

/** A command whose executable is there. */
export interface Command {
  /** The path of the executable. */
  readonly file: string;
  /** Its arguments. */
  readonly args: readonly string[];
}

/**
 * Finds the executable of a plan.
 *
 * @throws {PreforkError} `ERR_SPAWN`
 */
export function findCommand(plan: SpawnPlan): Command {
  const [name, ...args] = plan.command;
  const cwd = plan.cwd ?? process.cwd();
  if (!isDirectory(cwd)) {
    throw spawnError(
      plan,
      `the working directory "${cwd}" does not exist, create it or choose another`,
    );
  }
  if (!name.includes("/")) {
    const file = host.which(name);
    if (file === undefined) {
      throw spawnError(
        plan,
        `"${name}" is not in PATH, install it or write the path of the executable`,
      );
    }
    return { file, args };
  }
  const file = path.resolve(cwd, name);
  if (!existsSync(file)) {
    throw spawnError(plan, `"${file}" does not exist, check the path`);
  }
  if (!isExecutable(file)) {
    throw spawnError(
      plan,
      programProblem(file)?.replace(/^it/, () => `"${file}"`) ??
        `"${file}" may not be executed by this user, see its owner and mode`,
    );
  }
  return { file, args };
}

/** Makes the error of a command that cannot be started. */
function spawnError(
  plan: SpawnPlan,
  reason: string,
  cause?: unknown,
): PreforkError {
  return new PreforkError(
    "ERR_SPAWN",
    `Cannot start "${plan.command.join(" ")}": ${reason}`,
    cause,
  );
}

/** Makes the error of a command that is there and that the system refuses. */
export function refusedError(plan: SpawnPlan, cause?: unknown): PreforkError {
  const forbidden = forbiddenIn(cause);
  if (forbidden !== undefined) return spawnError(plan, forbidden, cause);
  const said = cause === undefined ? "" : ` (${messageOf(cause)})`;
  return spawnError(
    plan,
    `the system refuses to execute it${said}, check its "#!" line, its format and the limits on processes and open files`,
    cause,
  );
}

function isDirectory(file: string): boolean {
  try {
    return statSync(file).isDirectory();
  } catch {
    return false;
  }
}
