import { readdirSync, readFileSync } from "node:fs";
import process from "node:process";
import { setTimeout as sleep } from "node:timers/promises";

/** Milliseconds that orphaned workers have for leaving, as promised, alone. */
const GRACE = 5_000;

/**
 * Waits until no process is left that has `TEST_JOB=mark` in its environment
 * and returns the command lines of those that do not leave. Sees processes on
 * Linux only, elsewhere there are none (proc_pid_environ(5)).
 */
export async function waitForMarked(mark: string): Promise<string[]> {
  const deadline = performance.now() + GRACE;
  while (marked(mark).length > 0 && performance.now() < deadline) {
    await sleep(50);
  }
  return marked(mark).map((pid) => `${pid} ${commandLine(pid)}`);
}

/** Kills every process that has `TEST_JOB=mark` in its environment. */
export function killMarked(mark: string): void {
  for (const pid of marked(mark)) {
    try {
      process.kill(pid, "SIGKILL");
    } catch {
      // It has ended in the meantime.
    }
  }
}

function marked(mark: string): number[] {
  if (process.platform !== "linux") return [];
  return readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name))
    .map(Number)
    .filter((pid) =>
      proc(pid, "environ").split("\0").includes(`TEST_JOB=${mark}`)
    );
}

function commandLine(pid: number): string {
  return proc(pid, "cmdline").split("\0").join(" ").trim();
}

/** A file of a process; empty when the process is gone, a zombie or not ours. */
function proc(pid: number, file: string): string {
  try {
    return readFileSync(`/proc/${pid}/${file}`, "utf8");
  } catch {
    return "";
  }
}
