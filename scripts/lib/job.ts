import { spawn } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { killMarked, waitForMarked } from "./leftovers.ts";
import { ROOT } from "./tree.ts";

/** How a job ended. */
export interface JobEnd {
  /** Its exit code; null when a signal ended it. */
  readonly code: number | null;
  /** What was wrong with its end, other than the code. */
  readonly problems: readonly string[];
  /** What it printed. */
  readonly output: string;
  /** How long it took, in seconds. */
  readonly seconds: number;
  /** CPU time of all its processes, in seconds; 0 where nothing tells. */
  readonly cpu: number;
}

/** What a job is run with. */
export interface JobOptions {
  /** Milliseconds after which it is killed. */
  readonly limit: number;
  /** Variables for it, beside those of this process. */
  readonly env?: Readonly<Record<string, string>>;
}

/** Jobs that run, as mark and process group. */
const jobs = new Map<string, number>();
let count = 0;

/**
 * Runs one process in a process group of its own, with a time limit, and looks
 * for processes that it has left behind.
 */
export async function runJob(
  command: readonly [string, ...string[]],
  { limit, env = {} }: JobOptions,
): Promise<JobEnd> {
  const [file, ...args] = command;
  const began = performance.now();
  const mark = `${process.pid}.${++count}`;
  // Where its pools can be asked: a command sees none of another job's.
  const sockets = mkdtempSync(join(tmpdir(), "prefork-job-"));
  const child = spawn(file, args, {
    cwd: ROOT,
    env: {
      ...process.env,
      PATH: `${ROOT}node_modules/.bin:${process.env["PATH"]}`,
      TEST_JOB: mark,
      XDG_RUNTIME_DIR: sockets,
      ...(process.stdout.isTTY ? {} : { NO_COLOR: "1" }),
      ...env,
    },
    stdio: ["ignore", "pipe", "pipe"],
    detached: true,
  });
  const group = child.pid;
  if (group !== undefined) jobs.set(mark, group);
  const printed: string[] = [];
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding("utf8").on("data", (text) => printed.push(text));
  }
  const problems: string[] = [];
  const timer = setTimeout(() => {
    problems.push(`did not end within ${limit / 1000} s and was killed`);
    killMarked(mark);
    if (group !== undefined) killGroup(group);
  }, limit);
  const closed = new Promise<void>((resolve) => {
    child.on("close", () => resolve());
    child.on("error", () => resolve());
  });
  let cpu = 0;
  // Not "close": a process that was left behind holds the pipes open.
  const code = await new Promise<number | null>((resolve) => {
    child.on("exit", (code) => {
      cpu = cpuOfEnded();
      resolve(code);
    });
    child.on("error", (error) => {
      problems.push(error.message);
      resolve(null);
    });
  });
  clearTimeout(timer);
  for (const leftover of await waitForMarked(mark)) {
    problems.push(`left a process behind: ${leftover}`);
  }
  killMarked(mark);
  await closed;
  jobs.delete(mark);
  rmSync(sockets, { recursive: true, force: true });
  const seconds = (performance.now() - began) / 1000;
  return { code, problems, output: printed.join(""), seconds, cpu };
}

/** Kills every job that still runs. */
export function killJobs(): void {
  for (const [mark, group] of jobs) {
    killGroup(group);
    killMarked(mark);
  }
}

/** USER_HZ of every Linux that Node runs on (time(7)). */
const TICKS = 100;
let reported = 0;

/**
 * CPU seconds of the children that have ended since it was asked before, with
 * all that these have waited for: cutime and cstime of proc_pid_stat(5). Two
 * that end in the same moment are counted as one.
 */
function cpuOfEnded(): number {
  try {
    const stat = readFileSync("/proc/self/stat", "utf8");
    // The second field may hold anything; the third begins after its bracket.
    const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    const all = (Number(fields[13]) + Number(fields[14])) / TICKS;
    const own = all - reported;
    reported = all;
    return own;
  } catch {
    return 0;
  }
}

function killGroup(group: number): void {
  try {
    process.kill(-group, "SIGKILL");
  } catch {
    // It has ended in the meantime.
  }
}
