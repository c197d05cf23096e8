/**
 * What epoll_ctl(2) and epoll_wait(2) are told, by libc alone.
 *
 * @module
 */

import process from "node:process";
import { fixed } from "./_libc.ts";

/** Operations of epoll_ctl(2). */
export const EPOLL_CTL = { add: 1, delete: 2 } as const;

/** Events of epoll_ctl(2) (sys/epoll.h). */
export const EPOLL = { in: 1 } as const;

/**
 * `struct epoll_event` has no padding on x86-64 alone (sys/epoll.h,
 * `__EPOLL_PACKED`).
 */
const DATA_AT: number = process.arch === "x64" ? 4 : 8;

/** The size of `struct epoll_event` in bytes. */
export const EPOLL_EVENT_SIZE: number = DATA_AT + 8;

/** Makes one event; `data` comes back with it. */
export function epollEvent(events: number, data: number): Uint8Array {
  const event = fixed(EPOLL_EVENT_SIZE);
  const view = new DataView(event.buffer);
  view.setUint32(0, events, true);
  view.setBigUint64(DATA_AT, BigInt(data), true);
  return event;
}

/** The `data` of an event in a buffer that epoll_wait(2) has filled. */
export function epollData(events: DataView, index: number): number {
  const at = index * EPOLL_EVENT_SIZE + DATA_AT;
  return Number(events.getBigUint64(at, true));
}
