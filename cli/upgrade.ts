/**
 * `prefork upgrade PIDFILE`: has a running pool replace its supervisor, and
 * waits for what comes of it. The pool tells that in a file beside its pid file.
 *
 * @module
 */

import { lstatSync, readFileSync, readlinkSync } from "node:fs";
import { basename, resolve } from "node:path";
import process from "node:process";
import { codeOf, messageOf, PreforkError } from "../core/errors.ts";
import type { UpgradeReport } from "../core/upgrade/upgrades.ts";
import { isSocket } from "./socket_file.ts";

/** What `prefork upgrade` is told. */
export interface UpgradeRequest {
  /** A pid file, or a process id. */
  readonly target: string;
  /** Options of who is to serve, by which the control socket alone can ask. */
  readonly options: readonly string[];
}

/** What is asked of the machine. */
export interface Machine {
  /** The process that a pid file names, if it is there. */
  holderOf(pidFile: string): number | undefined;
  /** Reads a file of proc(5); undefined where there is none. */
  read(path: string): string | undefined;
  /** The state of a process as proc(5) names it; undefined where not shown. */
  state(pid: number): string | undefined;
  /**
   * How long a supervisor may be stopped, in ms.
   *
   * @default {5_000}
   */
  readonly patience?: number;
}

/** Writes a file in one step, which nobody else can write to. */
type PlaceFile = (path: string, text: string) => void;

/** What has come of an upgrade. */
export type Outcome =
  | { readonly from: number; readonly pid: number }
  | { readonly from: number; readonly reason: string };

/** How often is looked for the outcome, in ms. */
const LOOK_MS = 50;

const outcomeOf = (pidFile: string): string => `${pidFile}.upgrade`;

/** Who the pool is, and the options among the words behind `upgrade`. */
function split(
  words: readonly string[],
): { readonly pools: readonly string[]; readonly options: readonly string[] } {
  const pools: string[] = [];
  const options: string[] = [];
  for (let at = 0; at < words.length; at++) {
    const word = words[at]!;
    if (word === "--") {
      options.push(...words.slice(at));
      break;
    }
    if (!word.startsWith("-")) pools.push(word);
    else {
      options.push(word);
      const next = words[at + 1];
      if (/^--(runtime-exec|pass)$/.test(word) && next !== undefined) {
        options.push(next);
        at++;
      }
    }
  }
  return { pools, options };
}

/**
 * True where the words behind `upgrade` name a pid file, or a process id without
 * an option; any other pool is asked by its control socket.
 */
export function isAskedByFile(words: readonly string[]): boolean {
  const { pools, options } = split(words);
  return pools.some((word) =>
    options.length === 0 && /^\d+$/.test(word) ||
    /\/|\.pid$/.test(word) && !word.endsWith(".sock") && !isSocket(word)
  );
}

/**
 * Reads the words behind `upgrade`.
 *
 * @throws {TypeError} when they cannot be understood
 */
export function parseUpgrade(words: readonly string[]): UpgradeRequest {
  const { pools: [target, ...others], options } = split(words);
  const [other] = others;
  if (other !== undefined) throw misread(other, "one pool is asked at a time");
  if (target === undefined) {
    throw misread(
      "upgrade",
      "it needs the pid file of a pool, or its process id",
    );
  }
  // Whatever they are: as the control socket's verb they are read in full.
  return { target, options };
}

function misread(word: string, why: string): TypeError {
  return new TypeError(
    `Cannot understand "${word}": ${why}, write prefork upgrade [POOL|PIDFILE|PID] [--runtime-exec FILE | [--pass WAY] -- PROGRAM ARGS] (a program of that name: prefork ./upgrade)`,
  );
}

/**
 * The process to which a pid file belongs.
 *
 * @throws {PreforkError} `ERR_UPGRADE` when there is none
 */
export function poolOf(
  pidFile: string,
  { holderOf }: Pick<Machine, "holderOf">,
): number {
  const pid = holderOf(pidFile);
  if (pid !== undefined) return pid;
  throw failure(
    `"${pidFile}" is the pid file of no pool that runs, "prefork list" shows those that do`,
  );
}

/**
 * Asks for an upgrade and waits for its end.
 *
 * @throws {PreforkError} `ERR_UPGRADE` when it was given up, nobody is there, or
 * that one is stopped
 */
export async function upgradeByFile(
  { target }: UpgradeRequest,
  { holderOf, read, state, patience = 5_000 }: Machine,
): Promise<UpgradeReport & { readonly from: number }> {
  const pidFile = /^\d+$/.test(target)
    ? pidFileOf(Number(target), read)
    : target;
  const pid = poolOf(pidFile, { holderOf });
  const outcome = outcomeOf(pidFile);
  const before = identityOf(outcome);
  const isStopped = (): boolean => state(pid) === "T";
  let stopped = 0;
  /** Waits a little; one that stays stopped is waited for no more. */
  const pause = async (then: string): Promise<void> => {
    stopped = isStopped() ? stopped + LOOK_MS : 0;
    if (stopped > patience) {
      throw failure(
        `process ${pid} has not answered for ${
          patience / 1000
        } s: it is stopped (SIGSTOP), ${then}`,
      );
    }
    await new Promise((resolve) => setTimeout(resolve, LOOK_MS));
  };
  // A signal would wait for it, and have it replaced when nobody expects it.
  while (isStopped()) {
    await pause("have it go on (SIGCONT) and ask again");
  }
  try {
    process.kill(pid, "SIGUSR2");
  } catch (error) {
    throw failure(`process ${pid} cannot be asked (${messageOf(error)})`);
  }
  for (;;) {
    const isThere = holderOf(pidFile) !== undefined;
    if (identityOf(outcome) !== before) break;
    if (!isThere) throw failure(`process ${pid} has ended meanwhile`);
    await pause("and upgrades when it goes on (SIGCONT)");
  }
  const told = JSON.parse(readFileSync(outcome, "utf8")) as Outcome;
  if ("pid" in told) return told;
  // The pool's own sentence is whole.
  throw new PreforkError("ERR_UPGRADE", told.reason);
}

/** What a pool with a pid file does for those who ask by it. */
export class UpgradeDesk {
  readonly #pidFile: string;
  readonly #placeFile: PlaceFile;

  /** For the pool with this pid file. */
  constructor(pidFile: string, placeFile: PlaceFile) {
    this.#pidFile = pidFile;
    this.#placeFile = placeFile;
  }

  /** Tells what has come of an upgrade. */
  tell(outcome: UpgradeReport | { readonly reason: string }): void {
    try {
      const text = JSON.stringify({ from: process.pid, ...outcome });
      this.#placeFile(outcomeOf(this.#pidFile), text);
    } catch {
      // The log tells it, too.
    }
  }
}

/**
 * The command line of this process on another runtime.
 *
 * @param runtime the path or name of its executable
 * @param own the command line
 * @param args what of it belongs to the command
 */
export function commandOn(
  runtime: string,
  own: readonly string[],
  args: readonly string[],
): readonly string[] {
  const rest = own.slice(own.length - args.length - 1);
  return runtimeOf(runtime) === "deno"
    ? [runtime, "run", "-A", ...rest]
    : [runtime, ...rest];
}

/**
 * Which runtime an executable is, by its name.
 *
 * @throws {TypeError} when it is none
 */
export function runtimeOf(runtime: string): "node" | "deno" | "bun" {
  const [, kind] = /^(node|deno|bun)/.exec(basename(runtime)) ?? [];
  if (kind !== undefined) return kind as "node" | "deno" | "bun";
  throw new TypeError(
    `Cannot use "${runtime}" for "--runtime-exec": it must be the path or name of an executable of node, deno or bun`,
  );
}

function identityOf(file: string): string {
  try {
    const { ino, mtimeMs } = lstatSync(file);
    return `${ino} ${mtimeMs}`;
  } catch (error) {
    return String(codeOf(error));
  }
}

/** The pid file of a pool, out of its command line. */
function pidFileOf(pid: number, read: Machine["read"]): string {
  const words = read(`/proc/${pid}/cmdline`)?.split("\0") ?? [];
  const at = words.findIndex((word) => /^--pid-file(=|$)/.test(word));
  const file = words[at]?.split(/=(.*)/s, 2)[1] ?? words[at + 1];
  if (at < 0 || file === undefined) {
    throw failure(
      `process ${pid} has no "--pid-file", beside which it could say how it went: send SIGUSR2 and read its log`,
    );
  }
  try {
    return resolve(readlinkSync(`/proc/${pid}/cwd`), file);
  } catch (error) {
    throw failure(`process ${pid} cannot be seen (${messageOf(error)})`);
  }
}

function failure(why: string): PreforkError {
  return new PreforkError("ERR_UPGRADE", `Cannot upgrade: ${why}`);
}
