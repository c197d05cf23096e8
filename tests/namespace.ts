/** Namespaces (namespaces(7)), where this user may make them. */

import { spawnSync } from "node:child_process";
import { rmSync, writeFileSync } from "node:fs";
import os from "node:os";

/** As root, and as anybody where the system allows that. */
const WAYS = [[], ["--user", "--map-root-user"]] as const;

/** The rest of a command line is the first process of a new PID namespace. */
export const namespaceCommand: readonly [string, ...string[]] | undefined = WAYS
  .map((more) =>
    ["unshare", ...more, "--pid", "--fork", "--mount-proc"] as const
  )
  .find(([command, ...args]) =>
    spawnSync(command, [...args, "true"], { stdio: "ignore" }).status === 0
  );

/** Runs the rest of a command line on mounts of its own. */
const MOUNTS = ["unshare", "--mount"] as const;

/**
 * Why there can be no disk that is soon full: whoever may not mount has none.
 */
export const noDisk: string | false = spawnSync(MOUNTS[0], [
      ...[MOUNTS[1], "mount", "-t", "tmpfs", "tmpfs", os.tmpdir()],
    ], { stdio: "ignore" }).status !== 0 && "unshare(1) may not mount here";

/** A command line that sees a disk of a few KiB at a directory. */
export function onSmallDisk(
  directory: string,
  command: readonly string[],
): readonly [string, ...string[]] {
  const script = `mount -t tmpfs -o size=64k tmpfs "$0" && exec "$@"`;
  return [...MOUNTS, "sh", "-c", script, directory, ...command];
}

/** Fills the disk that a process sees at a directory, until disposed. */
export function fillDisk(pid: number, directory: string): Disposable {
  const file = `/proc/${pid}/root${directory}/fill`;
  try {
    writeFileSync(file, "x".repeat(2 ** 20));
  } catch (error) {
    if ((error as { code?: string }).code !== "ENOSPC") throw error;
  }
  return { [Symbol.dispose]: () => rmSync(file) };
}

/** Why there are none, for a test that needs one. */
export const noNamespace: string | false = namespaceCommand === undefined &&
  "unshare(1) may not make PID namespaces here";

/** As root, and as anybody where the system allows that. */
const networkCommand: readonly [string, ...string[]] | undefined = WAYS
  .map((more) => ["unshare", ...more, "--net"] as const)
  .find(([command, ...args]) =>
    spawnSync(command, [
      ...args,
      ...["sysctl", "-q", "-w", "net.core.somaxconn=4096"],
    ], { stdio: "ignore" }).status === 0
  );

/** Why there is no network whose settings can be changed, for a test. */
export const noNetwork: string | false = networkCommand === undefined &&
  "unshare(1) may not make networks here, or there is no sysctl(8)";

/** A command line that runs in a network of its own, after some commands. */
export function inNetwork(
  before: readonly string[],
  command: readonly string[],
): readonly [string, ...string[]] {
  const script = [...before, `exec "$@"`].join(" && ");
  return [...networkCommand!, "sh", "-c", script, "sh", ...command];
}
