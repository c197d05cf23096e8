/**
 * Epoll watches: which epoll instance of this process reports a descriptor, and
 * with which words. See epoll(7) and "/proc/pid/fdinfo" in proc_pid_fdinfo(5).
 *
 * @module
 */

import { EPOLL, EPOLL_CTL, epollEvent } from "../../libc/epoll.ts";
import type { Kernel } from "./kernel.ts";

/** One line `tfd:` of an epoll instance. */
export interface Watch {
  /** The epoll instance. */
  readonly epoll: number;
  /** The descriptor that it watches. */
  readonly fd: number;
  /** What it watches for, EPOLLIN and so on. */
  readonly events: number;
  /** What it hands back with an event; the runtime's own business. */
  readonly data: bigint;
  /** The number of the file that is watched, which outlives descriptors. */
  readonly inode: number;
}

/**
 * All that EPOLLEXCLUSIVE may be combined with: EPOLLIN, EPOLLOUT, EPOLLERR,
 * EPOLLHUP and EPOLLWAKEUP (EPOLLEXCLUSIVE_OK_BITS of fs/eventpoll.c).
 */
const EXCLUSIVE_WITH = 0x1 | 0x4 | 0x8 | 0x10 | 0x2000_0000;

/** The epoll instances of this process. */
function epollsOf(kernel: Kernel): number[] {
  return kernel.descriptors()
    .filter((fd) => kernel.target(fd) === "anon_inode:[eventpoll]");
}

/** All watches of an epoll instance. */
export function watchesOf(kernel: Kernel, epoll: number): Watch[] {
  const line =
    /^tfd:\s+(\d+)\s+events:\s+([0-9a-f]+)\s+data:\s+([0-9a-f]+)\s.*\bino:([0-9a-f]+)/gm;
  return [...(kernel.info(epoll) ?? "").matchAll(line)].map((match) => ({
    epoll,
    fd: Number(match[1]),
    events: parseInt(match[2]!, 16),
    data: BigInt(`0x${match[3]}`),
    inode: parseInt(match[4]!, 16),
  }));
}

/**
 * The watches of one descriptor, in all epoll instances of this process. Deno
 * 2.9.5 has its instance open under two descriptors (a dup of mio's, for
 * signals): those that list the very same watches are one instance, since a
 * descriptor belongs to one event loop and its words are addresses in it.
 */
export function watchesOn(kernel: Kernel, fd: number): Watch[] {
  const seen = new Set<string>();
  return epollsOf(kernel).flatMap((epoll) => {
    const watches = watchesOf(kernel, epoll);
    const text = watches
      .map(({ fd, events, data, inode }) => `${fd} ${events} ${data} ${inode}`)
      .join();
    if (seen.has(text)) return [];
    seen.add(text);
    return watches.filter((watch) => watch.fd === fd);
  });
}

/**
 * The events to watch a shared socket for. A level-triggered watch wakes every
 * process that waits for the socket, unless each says that one is enough.
 */
export function sharedEvents(events: number): number {
  const bits = events >>> 0;
  return (bits & ~EXCLUSIVE_WITH) === 0 ? (bits | EPOLL.exclusive) >>> 0 : bits;
}

/** Begins a watch; returns what epoll_ctl(2) returns. */
export function addWatch(kernel: Kernel, watch: Omit<Watch, "inode">): number {
  return control(kernel, EPOLL_CTL.add, watch);
}

/** Ends a watch; returns what epoll_ctl(2) returns. */
export function deleteWatch(
  kernel: Kernel,
  watch: Omit<Watch, "inode">,
): number {
  return control(kernel, EPOLL_CTL.delete, watch);
}

function control(
  { libc, packed }: Kernel,
  operation: number,
  { epoll, fd, events, data }: Omit<Watch, "inode">,
): number {
  return libc.epoll_ctl(epoll, operation, fd, epollEvent(events, data, packed));
}
