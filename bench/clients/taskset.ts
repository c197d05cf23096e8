/**
 * Runs a program on some of the CPUs, by util-linux' taskset(1).
 *
 * @module
 */

import { spawn } from "node:child_process";

/** A list of CPUs as taskset takes it: `0` or `0,1`. */
export type Cpus = string;

/** The CPU of the pool. */
export const POOL_CPU: Cpus = "0";

/** The CPU of the client. */
export const CLIENT_CPU: Cpus = "1";

/** Both, for what has to run on more than one. */
export const BOTH_CPUS: Cpus = "0,1";

/** The command line that runs another one on these CPUs; it is exec(3)d. */
export function pinned(
  cpus: Cpus,
  command: readonly string[],
): [string, string[]] {
  return ["taskset", ["-c", cpus, ...command]];
}

/**
 * What a program writes to stdout.
 *
 * @throws when it fails or takes longer than `timeout` ms
 */
export function outputOf(
  cpus: Cpus,
  command: readonly string[],
  timeout: number,
  env?: Readonly<Record<string, string>>,
): Promise<string> {
  const [file, args] = pinned(cpus, command);
  return new Promise((resolve, reject) => {
    const child = spawn(file, args, {
      stdio: ["ignore", "pipe", "pipe"],
      ...(env !== undefined && { env }),
    });
    let stdout = "";
    let stderr = "";
    let late = false;
    const timer = setTimeout(() => {
      late = true;
      child.kill("SIGKILL");
    }, timeout);
    child.stdout.on("data", (text: Uint8Array) => stdout += text);
    child.stderr.on("data", (text: Uint8Array) => stderr += text);
    child.once("error", reject);
    child.once("close", (code, signal) => {
      clearTimeout(timer);
      if (code === 0) return resolve(stdout);
      const why = late
        ? `it took longer than ${timeout} ms`
        : `it ended with ${signal ?? code}: ${stderr.trim()}`;
      reject(new Error(`Cannot run "${command[0]}": ${why}`));
    });
  });
}
