/**
 * Einhorn as the parent: it counts a worker of its own as up when that says so,
 * and has one drain by SIGUSR2 (the README of Einhorn 1.1, "Worker API").
 *
 * @module
 */

import type { Host } from "../host.ts";

/** True where this process is a worker of Einhorn's. */
export function isEinhorns(
  { env, parentPid }: Pick<Host, "env" | "parentPid">,
): boolean {
  return env["EINHORN_MASTER_PID"] === String(parentPid);
}

/**
 * Says that this process serves, where Einhorn is to hear that.
 *
 * @returns why it does not, as a sentence
 */
export async function acknowledge(
  host: Pick<Host, "env" | "parentPid" | "pid" | "say">,
): Promise<string | undefined> {
  const { EINHORN_SOCK_PATH: path } = host.env;
  if (!isEinhorns(host) || path === undefined) return undefined;
  const word = { command: "worker:ack", pid: host.pid };
  const problem = await host.say(path, `${JSON.stringify(word)}\n`);
  return problem === undefined
    ? undefined
    : `Einhorn cannot be told that the pool serves, because ${problem}: it waits for that where it was started with "-m manual"`;
}
