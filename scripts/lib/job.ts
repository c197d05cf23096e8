import { spawn } from "node:child_process";
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
  /** How long it took, in milliseconds. */
  readonly ms: number;
}

/** Milliseconds after which a job is killed. */
const LIMIT = 900_000;

const groups = new Set<number>();
let count = 0;

/**
 * Runs one process in a process group of its own, with a time limit, and looks
 * for processes that it has left behind.
 *
 * @param show true to print what it prints at once, instead of returning it
 */
export async function runJob(
  command: readonly [string, ...string[]],
  show: boolean,
): Promise<JobEnd> {
  const [file, ...args] = command;
  const began = performance.now();
  const mark = `${process.pid}.${++count}`;
  const child = spawn(file, args, {
    cwd: ROOT,
    env: {
      ...process.env,
      PATH: `${ROOT}node_modules/.bin:${process.env["PATH"]}`,
      TEST_JOB: mark,
      ...(process.stdout.isTTY ? {} : { NO_COLOR: "1" }),
    },
    stdio: ["ignore", show ? "inherit" : "pipe", show ? "inherit" : "pipe"],
    detached: true,
  });
  const group = child.pid;
  if (group !== undefined) groups.add(group);
  const printed: string[] = [];
  for (const stream of [child.stdout, child.stderr]) {
    stream?.setEncoding("utf8").on("data", (text) => printed.push(text));
  }
  const problems: string[] = [];
  const timer = setTimeout(() => {
    problems.push(`did not end within ${LIMIT / 1000} s and was killed`);
    killMarked(mark);
    if (group !== undefined) killGroup(group);
  }, LIMIT);
  const closed = new Promise<void>((resolve) => {
    child.on("close", () => resolve());
    child.on("error", () => resolve());
  });
  // Not "close": a process that was left behind holds the pipes open.
  const code = await new Promise<number | null>((resolve) => {
    child.on("exit", resolve);
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
  if (group !== undefined) groups.delete(group);
  return {
    code,
    problems,
    output: printed.join(""),
    ms: performance.now() - began,
  };
}

/** Kills every job that still runs. */
export function killJobs(): void {
  for (const group of groups) killGroup(group);
}

function killGroup(group: number): void {
  try {
    process.kill(-group, "SIGKILL");
  } catch {
    // It has ended in the meantime.
  }
}
