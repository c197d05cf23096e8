/**
 * How a program in another language is treated as a worker: by what the user
 * says, by the table of known programs, else as any.
 *
 * @module
 */

import type { Adapter } from "../adapter.ts";
import { PreforkError } from "../errors.ts";
import type { Host } from "../host.ts";
import type { PoolConfig } from "../options/options.ts";
import type { Pass, StopSignal } from "../options/program.ts";
import {
  type KnownProgram,
  knownProgram,
  type ProgramPlace,
} from "./program_table.ts";
import { preloadFor } from "./runtime_command.ts";
import { BASH } from "./wrapper.ts";

/** What is known of a program. */
export interface ProgramHabits {
  /** Its name, where it is in the table. */
  readonly name: string | undefined;
  /** How sockets reach it. */
  readonly pass: Pass;
  /** What has it finish and leave. */
  readonly stopSignal: StopSignal;
  /** True where accept(2) on the pool's sockets is to wait. */
  readonly blocks: boolean;
  /**
   * True where its command gives sockets the numbers 3, 4, .., which the
   * supervisor's runtime cannot.
   */
  readonly places: boolean;
  /** What its configuration has to say, where that matters. */
  readonly settings: string | undefined;
  /** The runtime that is one file with it. */
  readonly executable: ReturnType<Host["executable"]>;
  /** The variable by which that loads prefork's part; undefined where not. */
  readonly part: "NODE_OPTIONS" | "BUN_OPTIONS" | undefined;
  /** What is added to its arguments. */
  argumentsFor(place: ProgramPlace): readonly string[];
}

/** What the user says. */
type Wanted = Pick<
  PoolConfig,
  "program" | "args" | "cwd" | "pass" | "stopSignal" | "readyFd" | "down"
>;

/**
 * Finds out how a program is treated.
 *
 * @param executable the runtime that is one file with it
 * @throws {PreforkError} `ERR_SPAWN` where sockets cannot have the numbers that
 * it takes
 */
export function habitsOf(
  wanted: Wanted,
  adapter: Adapter,
  executable?: ProgramHabits["executable"],
): ProgramHabits {
  const { program, args, pass, down } = wanted;
  const found = knownProgram([program, ...args]);
  const known = pass === "auto" || pass === found?.pass ? found : undefined;
  const own = known?.pass ?? pass;
  const places = !adapter.capabilities.fdPlacement &&
    adapter.host.exists(BASH);
  const numbered = own === "listen-fds" || own === "stdin" ||
    wanted.readyFd !== undefined;
  if (numbered && !places && !adapter.capabilities.fdPlacement) {
    throw new PreforkError(
      "ERR_SPAWN",
      `Cannot pass sockets to "${
        found?.name ?? program
      }" by "${own}": on ${adapter.runtime} they get other numbers than 3 and up unless there is ${BASH}, install that, or use a supervisor on Node or Bun`,
    );
  }
  const added = known !== undefined && adds(known, wanted, adapter.host);
  return {
    name: found?.name,
    pass: own,
    stopSignal: wanted.stopSignal ?? found?.stopSignal ?? "SIGTERM",
    // Where the supervisor has to accept itself, it must not wait; and where it
    // is Node or Bun that accepts.
    blocks: found?.blocks ??
      (found === undefined && executable === undefined && down !== "503"),
    places,
    settings: known?.settings,
    executable,
    part: partOf(executable, pass, adapter),
    argumentsFor: (place) => added ? known.arguments?.(place) ?? [] : [],
  };
}

/** Who says how sockets are passed to a file of Node wants no other way. */
function partOf(
  executable: ProgramHabits["executable"],
  pass: Pass,
  adapter: Adapter,
): ProgramHabits["part"] {
  if (executable === undefined) return undefined;
  if (preloadFor(executable, adapter) === undefined) return undefined;
  if (executable === "bun") return "BUN_OPTIONS";
  return pass === "auto" ? "NODE_OPTIONS" : undefined;
}

/** True where the user has not said the same by an argument or in a file. */
function adds(
  { unless, file }: KnownProgram,
  { args, cwd = "" }: Wanted,
  host: Host,
): boolean {
  if (args.some((arg) => unless?.test(arg))) return false;
  if (file === undefined) return true;
  const named = args[args.indexOf(file.option) + 1];
  const path = args.includes(file.option) ? named : undefined;
  const text = host.head(
    path === undefined
      ? file.usual
      : path.startsWith("/")
      ? path
      : `${cwd}/${path}`,
  );
  return text === undefined || !file.says.test(text);
}
