/** What is made once for all runners, which may come at the same time. */

import { mkdirSync, readlinkSync, rmSync, symlinkSync } from "node:fs";
import process from "node:process";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { isAlive } from "./command.ts";

const REPORTS = fileURLToPath(new URL("../.reports", import.meta.url));

/**
 * Does something while no other process does what has the same name. The lock
 * is a link that leads to a process: that of a dead one counts for nothing.
 */
export async function locked<T>(
  name: string,
  work: () => T | Promise<T>,
): Promise<T> {
  const lock = `${REPORTS}/${name}.lock`;
  mkdirSync(REPORTS, { recursive: true });
  while (!take(lock)) {
    if (!isAlive(ownerOf(lock))) rmSync(lock, { force: true });
    await sleep(100);
  }
  try {
    return await work();
  } finally {
    rmSync(lock, { force: true });
  }
}

function take(lock: string): boolean {
  try {
    symlinkSync(String(process.pid), lock);
    return true;
  } catch (error) {
    if ((error as { code?: string }).code !== "EEXIST") throw error;
    return false;
  }
}

/** This process where it was given back meanwhile. */
function ownerOf(lock: string): number {
  try {
    return Number(readlinkSync(lock));
  } catch {
    return process.pid;
  }
}
