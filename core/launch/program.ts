/**
 * The program of a worker: what runs it, the command that starts it, and whether
 * that leads to JavaScript.
 *
 * @module
 */

import type { Adapter } from "../adapter.ts";
import type { Host } from "../host.ts";
import { PreforkError } from "../errors.ts";
import type { PoolConfig, WorkerRuntime } from "../options/options.ts";
import { limitHeap } from "./heap_limit.ts";
import { execsRuntime, firstLine, scriptOf } from "./interpreter.ts";
import type { ProgramHabits } from "./program_habits.ts";
import { denoArguments, runtimeArguments } from "./runtime_command.ts";
import { setprivIn } from "./user.ts";
import { refuseWatcher } from "./watch.ts";
import { wrapperOf } from "./wrapper.ts";

/** Endings of files that Node, Deno and Bun run. */
const SCRIPT = /\.[cm]?[jt]sx?$/;

/** True for a file that a runtime runs, by its ending. */
export function isScript(program: string): boolean {
  return SCRIPT.test(program);
}

/** Which slot is run by what. */
export type RuntimePattern = (slot: number) => WorkerRuntime;

/** A program, and where a relative path to it begins unless here. */
type Place = Pick<PoolConfig, "program"> & Partial<Pick<PoolConfig, "cwd">>;

/**
 * Which runtime each slot gets: those asked for, in turn, else the supervisor's
 * own for scripts, the one that the first line of a file without an ending
 * names unless that starts another program (npm is such a file), else the
 * program itself.
 */
export function runtimePattern(
  { runtimes, ...place }: Place & Pick<PoolConfig, "runtimes">,
  adapter: Adapter,
): RuntimePattern {
  const pattern: readonly WorkerRuntime[] = runtimes === undefined
    ? [
      isScript(place.program)
        ? adapter.runtime
        : startsAnother(place.program)
        ? "exec"
        : scriptOf(headOf(place, fileOf(place, adapter.host), adapter.host))
          ?.runtime ?? "exec",
    ]
    : runtimes.flatMap(({ runtime, count }) => Array(count).fill(runtime));
  return (slot) => pattern[slot % pattern.length]!;
}

/** What {@linkcode commandOf} needs. */
export interface ProgramPlan extends Place {
  /** What runs the program. */
  readonly runtime: WorkerRuntime;
  /** Its arguments. */
  readonly args: readonly string[];
  /** Arguments for the runtime. */
  readonly runtimeArgs?: readonly string[];
  /** V8's option that limits the heap. */
  readonly heap?: string | undefined;
  /** True when workers bind their address themselves. */
  readonly reusePort?: boolean;
  /** How it is treated, where it is one in another language. */
  readonly habits?: ProgramHabits | undefined;
  /** Where such a one says that it is ready. */
  readonly readyFd?: number | undefined;
  /** True for one that goes on without this process. */
  readonly outlives?: boolean;
}

/**
 * The command that starts a worker.
 *
 * @throws {PreforkError} `ERR_BOOT` when the program is not there, or is none
 * @throws {PreforkError} `ERR_SPAWN` when the runtime is not in PATH
 */
export function commandOf(
  plan: ProgramPlan,
  adapter: Adapter,
): [string, ...string[]] {
  const { runtime, args, runtimeArgs = [], heap, reusePort = false, ...place } =
    plan;
  refuseWatcher(plan);
  if (runtime === "exec") {
    const deno = denoArguments(place.program, args, adapter);
    return [
      ...wrapperFor(plan, adapter),
      ...executable(place, deno, adapter, plan.outlives),
    ] as [string, ...string[]];
  }
  const program = moduleOf(place, adapter.host);
  const binary = runtime === adapter.runtime
    ? adapter.host.execPath
    : adapter.host.which(runtime);
  if (binary === undefined) {
    throw new PreforkError(
      "ERR_SPAWN",
      `Cannot start workers on ${runtime}: there is no "${runtime}" in PATH, install it or choose another runtime`,
    );
  }
  const script = isScript(program)
    ? undefined
    : scriptOf(headOf(place, program, adapter.host));
  const given = script?.runtime === runtime
    ? [...script.args, ...runtimeArgs]
    : runtimeArgs;
  const limited = limitHeap(runtime, heap, given);
  // A runtime would take "-dash.js" for an option of its own.
  const file = program.startsWith("-") ? `./${program}` : program;
  const own = { runtime, program, runtimeArgs: limited, reusePort };
  return [binary, ...runtimeArguments(own, adapter), file, ...args];
}

/** What a runtime is given to run: a file as it is written, or a command's. */
function moduleOf(place: Place, host: Host): string {
  const { program } = place;
  // Deno and Bun also run modules by URL; only a path can be looked for.
  if (/^\w+:/.test(program) || host.exists(pathOf(place))) return program;
  const found = isScript(program) ? undefined : fileOf(place, host);
  if (found !== undefined) return found;
  throw new PreforkError(
    "ERR_BOOT",
    `Cannot start "${program}": there is no such file`,
  );
}

function pathOf({ program, cwd }: Place): string {
  return cwd === undefined || program.startsWith("/")
    ? program
    : `${cwd}/${program}`;
}

/**
 * Where an executable is: a name alone is looked up in PATH, then among the
 * commands of the packages that are installed here or in a directory above.
 */
function fileOf(place: Place, host: Host): string | undefined {
  const { program, cwd } = place;
  if (program.includes("/")) {
    return host.exists(pathOf(place)) ? program : undefined;
  }
  const inPath = host.which(program);
  if (inPath !== undefined || cwd === undefined) return inPath;
  for (let at = cwd; at !== ""; at = at.slice(0, at.lastIndexOf("/"))) {
    const file = `${at}/node_modules/.bin/${program}`;
    if (host.exists(file)) return file;
  }
  return undefined;
}

/** The runtime that is one file with a program; undefined for any other. */
export function executableOf(
  place: Place,
  host: Host,
): ReturnType<Host["executable"]> {
  const file = fileOf(place, host);
  return file === undefined
    ? undefined
    : host.executable(pathOf({ ...place, program: file }));
}

/** The beginning of a file that was found for a program. */
function headOf(
  { cwd }: Place,
  file: string | undefined,
  host: Host,
): string {
  if (file === undefined) return "";
  return host.head(pathOf({ program: file, cwd })) ?? "";
}

function executable(
  place: Place,
  args: readonly string[],
  adapter: Adapter,
  outlives = false,
): [string, ...string[]] {
  const { host } = adapter;
  const { program } = place;
  const found = fileOf(place, host);
  if (found === undefined) {
    throw new PreforkError(
      "ERR_BOOT",
      host.exists(pathOf(place)) && !program.includes("/")
        ? `Cannot start "${program}": there is no such command in PATH, write "./${program}" for the file`
        : `Cannot start "${program}": there is no such file and no such command in PATH`,
    );
  }
  const problem = host.programProblem(pathOf({ ...place, program: found }));
  if (problem !== undefined) {
    throw new PreforkError("ERR_BOOT", `Cannot start "${program}": ${problem}`);
  }
  // The supervisor's death must reach a program that does not watch the
  // channel: prctl(2) PR_SET_PDEATHSIG, set by util-linux' setpriv(1).
  const setpriv = host.platform === "linux" && !outlives
    ? setprivIn(host)
    : undefined;
  return setpriv === undefined
    ? [found, ...args]
    : [setpriv, "--pdeathsig", "TERM", "--", found, ...args];
}

/** What a shell does first. */
function wrapperFor(
  { habits, readyFd, outlives = false }: Pick<
    ProgramPlan,
    "habits" | "readyFd" | "outlives"
  >,
  adapter: Adapter,
): readonly string[] {
  const { pass = "auto", places = false } = habits ?? {};
  return pass === "auto" && !places && !adapter.capabilities.fdPlacement
    ? []
    : wrapperOf({ pass, places, readyFd, outlives }, adapter.host);
}

/**
 * True when a worker is told `LISTEN_PID`: a program of its own, where sockets
 * can have the numbers that go with it. In others prefork's part hands them over.
 */
export function learnsPid(
  runtime: WorkerRuntime,
  { host, capabilities }: Adapter,
  habits?: Pick<ProgramHabits, "places">,
): boolean {
  return runtime === "exec" && host.exists("/bin/sh") &&
    (capabilities.fdPlacement || habits?.places === true);
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
 * True when a program starts JavaScript for certain: such a worker says itself
 * that it is ready. Of others only time tells.
 */
export function startsJavaScript(
  { args, ...place }: Place & Pick<PoolConfig, "args">,
  { host }: Pick<Adapter, "host">,
): boolean {
  if (runsJavaScript([place.program, ...args])) return true;
  const head = headOf(place, fileOf(place, host), host);
  return runsJavaScript(firstLine(head)) || execsRuntime(head);
}

function startsAnother(program: string): boolean {
  const name = nameOf(program);
  return JAVASCRIPT.has(name) || PREFIXES.has(name);
}

function runsJavaScript(command: readonly string[]): boolean {
  const [name, ...rest] = command.map(nameOf);
  return JAVASCRIPT.has(name!) ||
    (PREFIXES.has(name!) && rest.some((word) => JAVASCRIPT.has(word)));
}

function nameOf(file: string): string {
  return file.slice(file.lastIndexOf("/") + 1);
}
