/**
 * The one way in which a signal reaches a process of the pool: never another
 * process that was given the number of one that is gone.
 *
 * A runtime knows of its child's end a moment after it has reaped it, and of
 * that of a process group nothing at all. In that moment the number is free.
 *
 * @module
 */

import os from "node:os";
import process from "node:process";
import type { Signal } from "../../core/adapter.ts";
import { libcHere } from "../../libc/open.ts";
import { openPidfd, signalPidfd, TO_GROUP } from "../../libc/pidfd.ts";
import type { ReadProc } from "../../libc/proc_net.ts";
import { procStat } from "../../libc/proc_stat.ts";
import { readProc } from "./proc.ts";

/** Sends a signal; false when the process is gone. Never throws. */
export type Signaller = (signal: Signal) => boolean;

/**
 * Makes the way to a process that has just been started.
 *
 * SIGKILL goes to its process group, which has its pid since it has a session
 * of its own ({@linkcode OWN_SESSION}), and not to it alone: a child that
 * outlives its wrapper would keep the pool's sockets and serve an old program.
 * What has made itself a session is not hit.
 *
 * Where libc can be called a file descriptor says which process is meant; where
 * proc(5) alone can be read, when it began, which leaves the moment between a
 * look and the signal. Where neither can, the runtime's own knowledge is left.
 *
 * @param kill the runtime's way to send it to the one process; may throw
 */
export function signaller(
  pid: number,
  kill: (signal: Signal) => boolean,
  read: ReadProc = readProc,
): Signaller {
  const started = procStat(pid, read)?.start;
  return (signal) => {
    const libc = libcHere();
    // Opened before the look: what is seen then is what is opened.
    const pidfd = libc && openPidfd(libc, pid);
    try {
      const start = procStat(pid, read)?.start;
      if (start !== undefined && start !== started) return false;
      const number = os.constants.signals[signal];
      const sent = (flags: number): boolean =>
        libc !== undefined && pidfd !== undefined &&
        signalPidfd(libc, pidfd, number, flags);
      // A group keeps the number of its first process when that is gone. -1
      // would be everybody, 0 and -0 this process' own group.
      if (signal === "SIGKILL" && pid > 1) {
        if (sent(TO_GROUP) || tried(() => process.kill(-pid, signal))) {
          return true;
        }
        // There is no such group: it has not been made, or all of it is gone.
      }
      if (pidfd !== undefined) return sent(0);
      // Gone, or this process may not see it.
      return start === started && tried(() => kill(signal));
    } finally {
      if (pidfd !== undefined) libc!.close(pidfd);
    }
  };
}

function tried(kill: () => boolean): boolean {
  try {
    return kill();
  } catch {
    return false;
  }
}
