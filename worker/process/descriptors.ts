/**
 * Keeps what a worker inherited from its own children, which could hold a port,
 * the scoreboard or the channel beyond the worker's end: a client of that port
 * would wait for ever, and the next pool could not have it.
 *
 * @module
 */

import process from "node:process";
import {
  decodeInheritance,
  type Inheritance,
} from "../../core/launch/environment.ts";
import { isAllowed } from "../../libc/deno.ts";
import { F, type Libc } from "../../libc/libc.ts";
import { libcHere } from "../../libc/open.ts";
import { openProc } from "../../libc/proc.ts";
import { RUNTIME } from "./runtime.ts";

/**
 * Node sets FD_CLOEXEC by itself up to this number, and above it up to the first
 * one that is not open (libuv's `uv_disable_stdio_inheritance`, 26.10). A
 * supervisor on Deno hands descriptors over under its own numbers.
 */
const GUARDED_BY_NODE = 15;

/**
 * Sets FD_CLOEXEC where the runtime does not by itself and libc may be called.
 * Before a worker starts anything and before it attaches; in a process that is
 * none, or has attached, it does nothing.
 */
export function keepDescriptors(): void {
  const inheritance = inheritanceHere();
  if (inheritance === undefined) return;
  switch (RUNTIME.name) {
    case "node": {
      const { permission } = process as {
        readonly permission?: { has(what: string): boolean };
      };
      const fds = numbersOf(inheritance).filter((fd) => fd > GUARDED_BY_NODE);
      if (fds.length === 0) return;
      const libc = libcHere();
      if (libc !== undefined) fds.forEach((fd) => closeOnExec(libc, fd));
      else if (permission === undefined) {
        warn("run it on Node 26.9 or later, or the pool on Node or Bun");
      } else if (permission.has("child")) warn("allow it --allow-ffi");
      return;
    }
    case "deno": {
      // All of them, since its channel has no number that is told (2.9.5).
      const libc = isAllowed() ? libcHere() : undefined;
      if (libc === undefined) {
        if (numbersOf(inheritance).length > 0 && mayStart()) {
          warn("allow it --allow-ffi");
        }
        return;
      }
      for (const fd of openProc(libc).list("/proc/self/fd").map(Number)) {
        // Deno does not set 0 anew for a child that is to inherit it.
        if (fd > 2) closeOnExec(libc, fd);
      }
      return;
    }
    case "bun":
      // Its children get what they are given (1.4.4).
  }
}

/** Undefined too where it cannot be read; whoever attaches says why. */
function inheritanceHere(): Inheritance | undefined {
  try {
    return decodeInheritance(process.env);
  } catch {
    return undefined;
  }
}

/** What was inherited, and the channel. */
function numbersOf({ listeners, seat }: Inheritance): number[] {
  // `fd` is not in the types of Node; there from 12.17 to 26.10.
  const { fd } = (process.channel ?? {}) as { readonly fd?: number };
  return [...listeners.flatMap(({ fds }) => fds), seat?.fd, seat?.steer?.fd, fd]
    .filter((each) => each !== undefined);
}

/** True where Deno lets the program start others. */
function mayStart(): boolean {
  return Deno.permissions.querySync({ name: "run" }).state === "granted";
}

function warn(way: string): void {
  process.stderr.write(
    `What the program starts inherits the pool's sockets and can hold them beyond its end, because libc cannot be called here: ${way}\n`,
  );
}

function closeOnExec(libc: Libc, fd: number): void {
  const flags = libc.fcntl(fd, F.getfd, 0);
  // It fails for one that is closed by now, as that of the directory itself.
  if (flags >= 0) libc.fcntl(fd, F.setfd, flags | F.cloexec);
}
