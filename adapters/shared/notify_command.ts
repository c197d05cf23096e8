/**
 * What the service manager is told where no libc can be called: by
 * systemd-notify(1), a process for each word.
 *
 * @module
 */

import process from "node:process";
import { host } from "./host.ts";

const COMMAND = "systemd-notify";

/** Only libc can pass a file descriptor, and know that this was heard. */
const BY_LIBC_ALONE = /^(MAINPID|FDSTORE(REMOVE)?)=/m;

/** True while a word is being said. */
let busy = false;

/**
 * Says something, and does not wait for it: one word after the other.
 *
 * @returns why that cannot be; as sendmsg(2) does where it can be soon
 */
export function notifyByCommand(state: string): string | undefined {
  if (BY_LIBC_ALONE.test(state)) return "that takes libc";
  const file = host.which(COMMAND);
  if (file === undefined) return `there is no ${COMMAND} in PATH`;
  if (busy) return `EAGAIN: ${COMMAND} says the word before`;
  busy = true;
  const end = (): void => void (busy = false);
  // It ends when the manager has read it (BARRIER), so that this knows who it is.
  const { spawn } = process.getBuiltinModule("node:child_process");
  const child = spawn(file, timed(state).split("\n"), { stdio: "ignore" });
  child.once("error", end).once("close", end);
  return undefined;
}

/** On Node this is CLOCK_MONOTONIC (uv_hrtime); elsewhere it is not known. */
function timed(state: string): string {
  const { deno, bun } = process.versions;
  if (!/^RELOADING=1$/m.test(state) || deno || bun) return state;
  return `${state}\nMONOTONIC_USEC=${process.hrtime.bigint() / 1000n}`;
}
