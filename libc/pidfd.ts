/**
 * Processes by file descriptors, which stay those of the same process when its
 * pid is another one's (pidfd_open(2), pidfd_send_signal(2)).
 *
 * By syscall(2): glibc has functions for them since 2.36, musl has none.
 *
 * @module
 */

import type { Libc } from "./libc.ts";

/** asm-generic/unistd.h, which x86-64 and arm64 share for these. */
const NUMBER = { sendSignal: 424, open: 434 } as const;

/** PIDFD_SIGNAL_PROCESS_GROUP of Linux 6.9. */
export const TO_GROUP: number = 1 << 2;

/**
 * Opens a process; undefined where it is gone, and before Linux 5.3. No child
 * inherits it. Whoever opens it has to close it.
 */
export function openPidfd(libc: Libc, pid: number): number | undefined {
  const fd = libc.syscall(NUMBER.open, pid, 0, 0, 0);
  return fd < 0 ? undefined : fd;
}

/** Sends a signal by its number; false when that cannot be done. */
export function signalPidfd(
  libc: Libc,
  pidfd: number,
  signal: number,
  flags = 0,
): boolean {
  return libc.syscall(NUMBER.sendSignal, pidfd, signal, 0, flags) === 0;
}
