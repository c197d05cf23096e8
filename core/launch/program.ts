/**
 * The program of a worker: what runs it, the command that starts it, and whether
 * that leads to JavaScript.
 *
 * @module
 */

import type { Adapter } from "../adapter.ts";
import { PreforkError } from "../errors.ts";
import type { RuntimeShare, WorkerRuntime } from "../options/options.ts";
import { denoArguments, runtimeArguments } from "./runtime_command.ts";

/** Endings of files that Node, Deno and Bun run. */
const SCRIPT = /\.[cm]?[jt]sx?$/;

/** Which slot is run by what. */
export type RuntimePattern = (slot: number) => WorkerRuntime;

/**
 * Which runtime each slot gets: those asked for, in turn, else the supervisor's
 * own for scripts, else the program itself.
 */
export function runtimePattern(
  shares: readonly RuntimeShare[] | undefined,
  program: string,
  adapter: Adapter,
): RuntimePattern {
  const pattern: readonly WorkerRuntime[] = shares === undefined
    ? [SCRIPT.test(program) ? adapter.runtime : "exec"]
    : shares.flatMap(({ runtime, count }) => Array(count).fill(runtime));
  return (slot) => pattern[slot % pattern.length]!;
}

/** What {@linkcode commandOf} needs. */
export interface ProgramPlan {
  /** What runs the program. */
  readonly runtime: WorkerRuntime;
  /** The program. */
  readonly program: string;
  /** Its arguments. */
  readonly args: readonly string[];
  /** Arguments for the runtime. */
  readonly runtimeArgs?: readonly string[];
  /** Where a relative path begins, unless here. */
  readonly cwd?: string | undefined;
  /** True when workers bind their address themselves. */
  readonly reusePort?: boolean;
}

/**
 * The command that starts a worker.
 *
 * @throws {PreforkError} `ERR_BOOT` when the program is not there
 * @throws {PreforkError} `ERR_SPAWN` when the runtime is not in PATH
 */
export function commandOf(
  { runtime, program, args, cwd, runtimeArgs = [], reusePort = false }:
    ProgramPlan,
  adapter: Adapter,
): [string, ...string[]] {
  const path = cwd === undefined || program.startsWith("/")
    ? program
    : `${cwd}/${program}`;
  if (runtime === "exec") {
    return executable(
      program,
      path,
      denoArguments(program, args, adapter),
      adapter,
    );
  }
  // Deno and Bun also run modules by URL; only a path can be looked for.
  if (!/^\w+:/.test(program) && !adapter.host.exists(path)) {
    throw new PreforkError(
      "ERR_BOOT",
      `Cannot start "${program}": there is no such file`,
    );
  }
  const binary = runtime === adapter.runtime
    ? adapter.host.execPath
    : adapter.host.which(runtime);
  if (binary === undefined) {
    throw new PreforkError(
      "ERR_SPAWN",
      `Cannot start workers on ${runtime}: there is no "${runtime}" in PATH, install it or choose another runtime`,
    );
  }
  const plan = { runtime, program, runtimeArgs, reusePort };
  // A runtime would take "-dash.js" for an option of its own.
  const script = program.startsWith("-") ? `./${program}` : program;
  return [binary, ...runtimeArguments(plan, adapter), script, ...args];
}

function executable(
  program: string,
  path: string,
  args: readonly string[],
  { host, capabilities }: Adapter,
): [string, ...string[]] {
  const found = !program.includes("/")
    ? host.which(program)
    : host.exists(path)
    ? program
    : undefined;
  if (found === undefined) {
    throw new PreforkError(
      "ERR_BOOT",
      host.exists(path) && !program.includes("/")
        ? `Cannot start "${program}": there is no such command in PATH, write "./${program}" for the file`
        : `Cannot start "${program}": there is no such file and no such command in PATH`,
    );
  }
  // The supervisor's death must reach a program that does not watch the
  // channel: prctl(2) PR_SET_PDEATHSIG, set by util-linux' setpriv(1).
  const setpriv = host.platform === "linux" ? host.which("setpriv") : undefined;
  const command: [string, ...string[]] = setpriv === undefined
    ? [found, ...args]
    : [setpriv, "--pdeathsig", "TERM", "--", found, ...args];
  // LISTEN_PID must be the worker's own id (sd_listen_fds(3)), which only the
  // process that becomes the worker knows.
  return capabilities.fdPlacement && host.exists("/bin/sh")
    ? ["/bin/sh", "-c", 'LISTEN_PID=$$ exec "$@"', "sh", ...command]
    : command;
}

/** Commands that run JavaScript, or what is in `package.json`. */
const JAVASCRIPT: ReadonlySet<string> = new Set([
  "node",
  "nodejs",
  "deno",
  "bun",
  "bunx",
  "npm",
  "npx",
  "pnpm",
  "pnpx",
  "yarn",
  "tsx",
  "ts-node",
]);

/** Commands that run the command which follows. */
const PREFIXES: ReadonlySet<string> = new Set([
  "env",
  "nice",
  "ionice",
  "chrt",
  "taskset",
  "nohup",
  "setpriv",
  "sudo",
  "time",
  "timeout",
  "dotenv",
  "dotenvx",
  "cross-env",
]);

/**
 * True when a command starts JavaScript for certain: such a worker says itself
 * that it is ready. Of others only time tells.
 */
export function startsJavaScript(
  program: string,
  args: readonly string[],
): boolean {
  const [name, ...rest] = [program, ...args].map((word) =>
    word.slice(word.lastIndexOf("/") + 1)
  );
  return JAVASCRIPT.has(name!) ||
    (PREFIXES.has(name!) && rest.some((word) => JAVASCRIPT.has(word)));
}
