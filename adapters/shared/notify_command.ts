/**
 * What the service manager is told where no libc can be called: by
 * systemd-notify(1), a process for each word.
 *
 * @module
 */

import { spawn } from "node:child_process";
import process from "node:process";
import { host } from "./host.ts";

const COMMAND = "systemd-notify";

/** Only libc can pass a file descriptor, and know that this was heard. */
const BY_LIBC_ALONE = /^(MAINPID|FDSTORE(REMOVE)?)=/m;

/** So many words wait at most: the manager may not listen. */
const MOST = 50;

const words: string[] = [];
let busy = false;

/**
 * Says something, one after the other, and does not wait for it.
 *
 * @returns why that cannot be
 */
export function notifyByCommand(state: string): string | undefined {
  if (BY_LIBC_ALONE.test(state)) return "that takes libc";
  const file = host.which(COMMAND);
  if (file === undefined) return `there is no ${COMMAND} in PATH`;
  if (words.length < MOST) words.push(timed(state));
  if (!busy) next(file);
  return undefined;
}

function next(file: string): void {
  const state = words.shift();
  busy = state !== undefined;
  if (state === undefined) return;
  let over = false;
  const go = (): void => {
    if (!over) next(file);
    over = true;
  };
  // It ends when the manager has read it (BARRIER), so that this knows who it is.
  const child = spawn(file, state.split("\n"), { stdio: "ignore" });
  child.once("error", go).once("close", go);
}

/** On Node this is CLOCK_MONOTONIC (uv_hrtime); elsewhere it is not known. */
function timed(state: string): string {
  const { deno, bun } = process.versions;
  if (!/^RELOADING=1$/m.test(state) || deno || bun) return state;
  return `${state}\nMONOTONIC_USEC=${process.hrtime.bigint() / 1000n}`;
}
