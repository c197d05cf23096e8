/**
 * What is written once to a pipe or a socket that a parent has passed on, as the
 * readiness notification of s6 (https://skarnet.org/software/s6/notifywhenup.html).
 *
 * @module
 */

import { closeSync, writeSync } from "node:fs";
import process from "node:process";
import { checked, cString, setInheritable } from "../../libc/libc.ts";
import { libcHere, openLibc } from "../../libc/open.ts";
import { linkProc } from "./proc.ts";

/** See {@linkcode Adapter.notifier}. */
export function notifier(fd: number, line = "\n"): () => void {
  if (process.platform === "linux") refuseOther(fd);
  // Deno 2.9.5 writes to what it has opened alone.
  const byLibc = process.versions["deno"] !== undefined;
  const libc = byLibc ? openLibc() : libcHere();
  // Nobody else is to say it, or to keep it open.
  if (libc !== undefined) setInheritable(libc, fd, false);
  return () => {
    if (byLibc) {
      const bytes = cString(line);
      checked(libc!, libc!.write(fd, bytes, bytes.length - 1), "write");
      libc!.close(fd);
    } else {
      writeSync(fd, line);
      closeSync(fd);
    }
  };
}

/** A number that is not a parent's may be one of the runtime's own files. */
function refuseOther(fd: number): void {
  const target = linkProc(`/proc/self/fd/${fd}`);
  if (target === undefined) throw new Error("it is not open in this process");
  if (/^(pipe|socket):|^\//.test(target)) return;
  throw new Error(`it is ${target}, and no pipe`);
}
