/**
 * What a graft asks the kernel: libc for changes, proc(5) for looking. One
 * seam, so that tests can play a kernel that behaves in unexpected ways.
 *
 * @module
 */

import { EPOLL_PACKED } from "../../libc/epoll.ts";
import type { Libc } from "../../libc/libc.ts";
import { openLibc } from "../../libc/open.ts";
import { openProc } from "../../libc/proc.ts";

/** The functions of libc that a graft calls. */
export type GraftLibc = Pick<
  Libc,
  | "close"
  | "dup3"
  | "epoll_ctl"
  | "errno"
  | "fcntl"
  | "getpeername"
  | "getsockname"
  | "getsockopt"
  | "listen"
  | "poll"
  | "recv"
  | "send"
  | "setsockopt"
  | "shutdown"
>;

/** The kernel as a graft sees it. */
export interface Kernel {
  /** Calls into libc. */
  readonly libc: GraftLibc;
  /**
   * True where `struct epoll_event` has no padding, which is so on x86-64
   * alone (sys/epoll.h, `__EPOLL_PACKED`).
   */
  readonly packed: boolean;
  /** The open file descriptors of this process. */
  descriptors(): number[];
  /**
   * How many descriptors are open, quickly where the kernel says so: the size of
   * `/proc/self/fd` (proc_pid_fd(5), since Linux 6.2).
   */
  openFiles(): number;
  /** What a descriptor is, as in "socket:[4711]"; undefined when not open. */
  target(fd: number): string | undefined;
  /** `/proc/self/fdinfo/<fd>`; undefined when not open. */
  info(fd: number): string | undefined;
}

/**
 * Opens the kernel of this process.
 *
 * @throws {Error} when libc cannot be opened
 */
export function openKernel(): Kernel {
  const libc = openLibc();
  const proc = openProc(libc);
  return {
    libc,
    packed: EPOLL_PACKED,
    descriptors: () => proc.list(OPEN_FILES).map(Number),
    openFiles: () => proc.size(OPEN_FILES) || proc.list(OPEN_FILES).length,
    target: (fd) => proc.link(`${OPEN_FILES}/${fd}`),
    info: (fd) => proc.read(`/proc/self/fdinfo/${fd}`),
  };
}

const OPEN_FILES = "/proc/self/fd";
