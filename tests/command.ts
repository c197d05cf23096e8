/** Runs the command on the runtime of the present runner and watches it. */

import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { libraryFile } from "./fixtures/library_file.ts";
import { patience } from "./pace.ts";
import { cleanEnv, commandOn, ownRuntime, type Runtime } from "./runtimes.ts";

/** The path of a fixture program. */
export function fixture(name: string): string {
  return fileURLToPath(new URL(`./fixtures/${name}`, import.meta.url));
}

/**
 * PATH with the runtimes under test in front, so that `-r` finds them; those of
 * `scripts/versions.ts` before all.
 */
export const PATH: string = [
  ...(process.env["TEST_RUNTIMES"]?.split(":") ?? []),
  fileURLToPath(new URL("../node_modules/.bin", import.meta.url)),
  process.env["PATH"] ?? "",
].join(":");

/** A free port of this machine. */
export const LOCAL: readonly [string, string] = ["-l", "127.0.0.1:0"];

/**
 * Patience of the pool with the clients of a busy machine, which pause for
 * longer than they want to.
 */
export const IDLE_GRACE: readonly [string, string] = [
  "--idle-grace",
  `${patience(1)}s`,
];

/** How the command ended. */
export interface Ended {
  readonly code: number | null;
  readonly signal: string | null;
}

/** A running command. */
export interface Command extends AsyncDisposable {
  readonly pid: number;
  /** Every line it wrote so far, of both streams. */
  readonly lines: readonly string[];
  /** When each of them was read, in ms since the epoch. */
  readonly times: readonly number[];
  /** Resolves when the process has ended and its output was read. */
  readonly ended: Promise<Ended>;
  /** The lines of one stream so far. */
  of(stream: "stdout" | "stderr"): readonly string[];
  /**
   * Waits for a line that matches, from the beginning or from an index of
   * `lines`; fails when the command ends without it.
   */
  line(pattern: RegExp, from?: number): Promise<RegExpExecArray>;
  /** Sends a signal. */
  signal(signal: NodeJS.Signals): void;
  /** Reads nothing of what it writes for so many ms. */
  stall(ms: number): Promise<void>;
  /** Closes this end of its stdout for good. */
  hangUp(): void;
}

/** What can be said about a run of the command. */
export interface CommandOptions {
  readonly env?: Readonly<Record<string, string | undefined>>;
  readonly cwd?: string;
  /** The supervisor's runtime, unless the runner's own. */
  readonly runtime?: Runtime;
  /** The command line, instead of ours on a runtime. */
  readonly command?: readonly [string, ...string[]];
  /** True for a process group of its own, which has its pid. */
  readonly group?: boolean;
  /** True where no options may stand before the arguments: they are a verb. */
  readonly verb?: boolean;
  /** True where nothing is said of whether the kernel picks workers. */
  readonly untold?: boolean;
}

/**
 * What keeps a pool in one queue. Tests run as root here and in CI, where a pool
 * that is not told otherwise has shards among which the kernel picks
 * (docs/STEERING.md), and as another user elsewhere: a test is to be about the
 * same on both. So a pool is steered where a test says `sharded` or `--steer`;
 * `tests/pool/steered_default.test.ts` is about what nobody has said anything of,
 * and with TEST_STEER=auto in the environment every test is.
 */
function oneQueue(args: readonly string[]): readonly string[] {
  return process.env["TEST_STEER"] === "auto" ||
      args.some((arg) => /sharded|^--steer$/.test(arg))
    ? []
    : ["--steer", "off"];
}

/**
 * Starts `prefork` with these arguments. A reload is over with its last slot
 * unless they ask for a `--probation`, and lines begin with no time unless they
 * ask for it; a pool has one queue unless they ask for more.
 */
export function prefork(
  args: readonly string[],
  options: CommandOptions = {},
): Command {
  const runtime = options.runtime ?? ownRuntime;
  const cli = libraryFile("cli");
  const [file, ...before] = options.command ?? commandOn(runtime, cli);
  const own = options.verb === true ? [] : [
    ...(options.command === undefined ? ["--probation", "0"] : []),
    ...["--log-time", "off"],
    ...(options.untold === true ? [] : oneQueue(args)),
  ];
  // Where it can be asked: a pool that is killed leaves its socket.
  const directory = mkdtempSync(join(tmpdir(), "prefork-run-"));
  const child = spawn(file!, [...before, ...own, ...args], {
    cwd: options.cwd,
    detached: options.group ?? false,
    env: cleanEnv({
      PATH,
      NO_COLOR: "1",
      XDG_RUNTIME_DIR: directory,
      ...options.env,
    }),
    stdio: ["ignore", "pipe", "pipe"],
  });
  child.once("close", () => rmSync(directory, { recursive: true }));
  return watch(child);
}

/** Watches a child process line by line. */
export function watch(child: ChildProcess): Command {
  const lines: string[] = [];
  const times: number[] = [];
  const streams = { stdout: [] as string[], stderr: [] as string[] };
  const waiting = new Set<() => void>();
  let over = false;
  const wake = () => {
    for (const check of waiting) check();
  };
  for (const name of ["stdout", "stderr"] as const) {
    createInterface({ input: child[name]! }).on("line", (line) => {
      lines.push(line);
      times.push(Date.now());
      streams[name].push(line);
      wake();
    });
  }
  const ended = once(child, "close").then(([code, signal]): Ended => {
    over = true;
    wake();
    return { code, signal };
  });
  const pid = child.pid!;
  return {
    pid,
    lines,
    times,
    ended,
    of: (stream) => streams[stream],
    line: (pattern, from = 0) =>
      new Promise((resolve, reject) => {
        const check = () => {
          for (let i = from; i < lines.length; i++) {
            const match = pattern.exec(lines[i]!);
            if (match === null) continue;
            waiting.delete(check);
            return resolve(match);
          }
          if (over) {
            waiting.delete(check);
            reject(
              new Error(`No line matches ${pattern} in:\n${lines.join("\n")}`),
            );
          }
        };
        waiting.add(check);
        check();
      }),
    // Not child.kill: node:child_process of Deno 2.9.5 reports a wrong exit
    // status after it.
    signal: (signal) => process.kill(pid, signal),
    stall: async (ms) => {
      const both = [child.stdout!, child.stderr!];
      for (const each of both) each.pause();
      await new Promise((resolve) => setTimeout(resolve, ms));
      for (const each of both) each.resume();
    },
    hangUp: () => void child.stdout!.destroy(),
    async [Symbol.asyncDispose]() {
      if (!over) tryKill(pid);
      await ended;
    },
  };
}

function tryKill(pid: number): void {
  try {
    process.kill(pid, "SIGKILL");
  } catch {
    // It has ended meanwhile.
  }
}

/** Waits for the ready line and returns its parts. */
export async function ready(
  command: Command,
): Promise<Record<string, string>> {
  const [, text] = await command.line(/^prefork ready (.*)$/);
  return Object.fromEntries(
    text!.split(" ").map((part) => part.split("=") as [string, string]),
  );
}

/** True while a process is there. */
export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

/**
 * Waits until a condition holds; fails after a time in milliseconds, or more on
 * a slow machine.
 */
export async function until(
  condition: () => boolean | Promise<boolean>,
  what: string,
  ms = 15_000,
): Promise<void> {
  const limit = patience(ms);
  const end = performance.now() + limit;
  while (!await condition()) {
    if (performance.now() > end) {
      throw new Error(`Not within ${limit} ms: ${what}`);
    }
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

/** The pid of the first worker of a slot that has become ready. */
export function readyPidOf(command: Command, slot: number): number {
  const line = command.lines.find((line) =>
    line.startsWith(`prefork worker-ready slot=${slot} `)
  );
  return Number(/pid=(\d+)/.exec(line!)![1]);
}

/** The pids of the workers that have become ready, in order. */
export function readyPids(command: Command): number[] {
  return command.lines.flatMap((line) => {
    const match = /^prefork worker-ready .*pid=(\d+)/.exec(line);
    return match === null ? [] : [Number(match[1])];
  });
}
