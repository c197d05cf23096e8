/**
 * Waits for all worker channels of this process on Bun, whose calls into libc
 * block its event loop: the kernel sends a signal when one can be read
 * (`F_SETSIG` of fcntl(2)), and Bun turns signals into events.
 *
 * @module
 */

import os from "node:os";
import process from "node:process";
import { readFileSync } from "node:fs";
import type { Libc } from "../../libc/libc.ts";
import {
  channelsBy,
  type ReadChannel,
  type Waiter,
} from "../ffi/channel_reader.ts";
import {
  EPOLL,
  EPOLL_CTL,
  EPOLL_EVENT_SIZE,
  epollData,
  epollEvent,
} from "../../libc/epoll.ts";
import { channelPair } from "../ffi/spawn.ts";
import { rethrow } from "./accept.ts";
import type { BunFdSockets } from "./types.ts";
import { checked, F, fixed, SOCK } from "../../libc/libc.ts";

/**
 * What the kernel sends. Nothing else does without urgent data (socket(7)), and
 * a process that has no handler for it any more ignores it (signal(7)).
 */
const SIGNAL = "SIGURG";

/** The most channels that are looked for at once; the others are next. */
const EVENTS = 64;

let made: ReadChannel | undefined;

/**
 * The reader of this process' channels, or undefined where signals do not come
 * as they should: in a thread of Bun, or with a kernel that is none of Linux.
 */
export function bunChannels(libc: Libc): ReadChannel | undefined {
  if (made !== undefined) return made;
  if (!isTold(libc)) return undefined;
  return made = channelsBy(libc, bunWaiter(libc));
}

function bunWaiter(libc: Libc): Waiter {
  const watched = new Map<number, () => void>();
  const epoll = checked(
    libc,
    libc.epoll_create1(SOCK.cloexec),
    "epoll_create1",
  );
  const events = fixed(EVENTS * EPOLL_EVENT_SIZE);
  const view = new DataView(events.buffer);
  let again = false;
  const look = (): void => {
    const count = Math.max(0, libc.epoll_wait(epoll, events, EVENTS, 0));
    const ready = Array.from({ length: count }, (_, i) => epollData(view, i));
    for (const fd of ready) watched.get(fd)?.();
    // One signal may stand for many, and a channel may have more to read.
    if (count > 0 && !again) {
      again = true;
      setImmediate(() => {
        again = false;
        look();
      });
    }
  };
  process.on(SIGNAL, look);

  return {
    add: (fd, onReady) => {
      watched.set(fd, onReady);
      const event = epollEvent(EPOLL.in, fd);
      checked(
        libc,
        libc.epoll_ctl(epoll, EPOLL_CTL.add, fd, event),
        "epoll_ctl",
      );
      tell(libc, fd);
      // What came before the kernel was asked to tell.
      look();
    },
    remove: (fd) => {
      watched.delete(fd);
      libc.epoll_ctl(epoll, EPOLL_CTL.delete, fd, epollEvent(0, 0));
    },
  };
}

/** Asks the kernel to send the signal; returns the flags of the file then. */
function tell(libc: Libc, fd: number): number {
  const call = (command: number, argument: number): number =>
    checked(libc, libc.fcntl(fd, command, argument), "fcntl");
  call(F.setsig, os.constants.signals[SIGNAL]);
  call(F.setown, process.pid);
  call(F.setfl, call(F.getfl, 0) | F.async);
  return call(F.getfl, 0);
}

/** Tries all that can be tried without waiting. */
function isTold(libc: Libc): boolean {
  const ignore = (): void => {};
  process.on(SIGNAL, ignore);
  const { ours, theirs } = channelPair(libc);
  try {
    return (tell(libc, ours) & F.async) !== 0 && isCaught();
  } catch {
    return false;
  } finally {
    libc.close(ours);
    libc.close(theirs);
    process.off(SIGNAL, ignore);
  }
}

/** True when the signal has a handler: proc_pid_status(5), `SigCgt`. */
function isCaught(): boolean {
  const status = readFileSync("/proc/self/status", "utf8");
  const mask = BigInt(`0x${/^SigCgt:\s*(\w+)/m.exec(status)?.[1] ?? "0"}`);
  return (mask >> BigInt(os.constants.signals[SIGNAL] - 1) & 1n) === 1n;
}

/**
 * Reads by Bun's own sockets, which close connections that workers pass on;
 * `net.Socket({ fd })` reads nothing in Bun 1.4.4.
 */
export function socketChannels(Bun: BunFdSockets): ReadChannel {
  return (fd, reader) => {
    const { promise, resolve } = Promise.withResolvers<void>();
    const socket = Bun.connect({
      fd,
      socket: {
        data: (_, bytes) => reader.read(bytes),
        close: () => resolve(),
        error: (_, error) => rethrow(error),
      },
    });
    socket.catch(() => resolve());
    return {
      ended: promise,
      cancel: () =>
        void socket.then((open) => (open as { end(): void }).end())
          .catch(() => undefined),
    };
  };
}
