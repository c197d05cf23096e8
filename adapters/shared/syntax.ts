/**
 * Whether Node can read a program, without running it.
 *
 * @module
 */

import { spawnSync } from "node:child_process";

/** The most that is waited for it, in ms. */
const PATIENCE = 10_000;

/**
 * Why Node cannot read a program, as the end of a sentence; undefined where it
 * can, or cannot be asked.
 *
 * @param node its executable
 */
export function syntaxProblem(node: string, file: string): string | undefined {
  const { status, stderr } = spawnSync(node, ["--check", file], {
    encoding: "utf8",
    timeout: PATIENCE,
    stdio: ["ignore", "ignore", "pipe"],
  });
  if (status === 0 || status === null) return undefined;
  const error = /^\w*Error.*$/m.exec(stderr)?.[0] ?? stderr.trim();
  const line = /^.*:(\d+)$/m.exec(stderr)?.[1];
  return line === undefined ? error : `line ${line}: ${error}`;
}
