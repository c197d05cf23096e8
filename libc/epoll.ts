/**
 * What epoll_ctl(2) and epoll_wait(2) are told, by libc alone.
 *
 * @module
 */

import process from "node:process";
import { fixed } from "./libc.ts";

/** Operations of epoll_ctl(2). */
export const EPOLL_CTL = { add: 1, delete: 2, modify: 3 } as const;

/** Events of epoll_ctl(2) and their flags (sys/epoll.h). */
export const EPOLL = { in: 0x1, exclusive: 0x1000_0000 } as const;

/**
 * `struct epoll_event` has no padding on x86-64 alone (sys/epoll.h,
 * `__EPOLL_PACKED`).
 */
export const EPOLL_PACKED: boolean = process.arch === "x64";

/** Where its member `data` is, in bytes. */
function dataAt(packed: boolean): number {
  return packed ? 4 : 8;
}

/** The size of `struct epoll_event` in bytes. */
export const EPOLL_EVENT_SIZE: number = dataAt(EPOLL_PACKED) + 8;

/** Makes one event; `data` comes back with it. */
export function epollEvent(
  events: number,
  data: number | bigint,
  packed: boolean = EPOLL_PACKED,
): Uint8Array {
  const at = dataAt(packed);
  const event = fixed(at + 8);
  const view = new DataView(event.buffer);
  view.setUint32(0, events, true);
  view.setBigUint64(at, BigInt(data), true);
  return event;
}

/** The `data` of an event in a buffer that epoll_wait(2) has filled. */
export function epollData(events: DataView, index: number): number {
  const at = index * EPOLL_EVENT_SIZE + dataAt(EPOLL_PACKED);
  return Number(events.getBigUint64(at, true));
}
