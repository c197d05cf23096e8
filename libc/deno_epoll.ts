/**
 * Waits for all channels and listeners of this process on Deno: epoll_wait(2)
 * waits in one thread, and everything else happens in the event loop.
 *
 * One thread and not one for each: Deno 2.9.5 has 32 for calls that wait, and
 * whatever comes after them waits for ever.
 *
 * @module
 */

import { setImmediate, setTimeout } from "node:timers";
import type { DenoLibc } from "./deno.ts";
import {
  EPOLL,
  EPOLL_CTL,
  EPOLL_EVENT_SIZE,
  epollData,
  epollEvent,
} from "./epoll.ts";
import { checked, fixed, SOCK, socketPair } from "./libc.ts";

/** The most that one wait reports; the others are next. */
const EVENTS = 64;

/**
 * After so much work, in ms, timers have their turn: Deno 2.9.5 runs none while
 * the next wait is over before anybody has waited for it.
 */
const BUSY_MS = 2;

/**
 * A wait may fail (a signal: EINTR), or tell of a file that was removed just then.
 * So many in a row have another cause, which lasts: somebody has closed the files
 * of this process, or another one still has a file that was closed here.
 */
const MOST_VAIN = 10;

/** How long is waited then, in ms, before all is begun anew. */
const UNREST_MS = 100;

/** Waits for what can be read or accepted. */
export interface DenoWaiter {
  /** Calls back whenever something can be read, until it is removed. */
  add(fd: number, onReady: () => void): void;
  /** Calls back no more. */
  remove(fd: number): void;
  /** Does not call back for so many ms, whatever there is. */
  rest(fd: number, ms: number): void;
}

/** Makes one; the thread is there as long as there is something to wait for. */
export function denoWaiter(libc: DenoLibc): DenoWaiter {
  const watched = new Map<number, () => void>();
  let epoll = -1;
  /** Closing one end of a pair wakes the thread that waits for the other. */
  let waking = -1;
  const run = async (own: number, waiting: number): Promise<void> => {
    const events = fixed(EVENTS * EPOLL_EVENT_SIZE);
    const view = new DataView(events.buffer);
    let busy = 0;
    let vain = 0;
    let failed = false;
    while (own === epoll) {
      const count = await libc.epollWaited(own, events, EVENTS);
      const began = performance.now();
      let known = 0;
      for (let i = 0; i < count && own === epoll; i++) {
        const onReady = watched.get(epollData(view, i));
        if (onReady !== undefined) known++;
        onReady?.();
      }
      failed = count < 0;
      vain = known === count ? 0 : vain + 1;
      if (vain > MOST_VAIN && own === epoll) {
        await new Promise((resolve) => setTimeout(resolve, UNREST_MS));
        if (own === epoll) renew(failed);
      }
      busy += performance.now() - began;
      if (busy < BUSY_MS) continue;
      busy = 0;
      await new Promise((resolve) => setImmediate(resolve));
    }
    // What was closed by others may be something else by now.
    if (failed) return;
    libc.close(waiting);
    libc.close(own);
  };
  const control = (operation: number, fd: number, events: number): void => {
    const event = epollEvent(events, fd);
    checked(libc, libc.epoll_ctl(epoll, operation, fd, event), "epoll_ctl");
  };
  const begin = (): void => {
    const [waiting, other] = socketPair(libc);
    waking = other;
    epoll = checked(libc, libc.epoll_create1(SOCK.cloexec), "epoll_create1");
    control(EPOLL_CTL.add, waiting, EPOLL.in);
    void run(epoll, waiting);
  };
  /** Waits for the same by another one. */
  const renew = (failed: boolean): void => {
    if (!failed) libc.close(waking);
    begin();
    for (const fd of watched.keys()) {
      const event = epollEvent(EPOLL.in, fd);
      // Whatever is closed comes no more.
      libc.epoll_ctl(epoll, EPOLL_CTL.add, fd, event);
    }
  };
  return {
    add: (fd, onReady) => {
      if (watched.size === 0) begin();
      control(EPOLL_CTL.add, fd, EPOLL.in);
      watched.set(fd, onReady);
    },
    remove: (fd) => {
      libc.epoll_ctl(epoll, EPOLL_CTL.delete, fd, epollEvent(0, 0));
      watched.delete(fd);
      if (watched.size > 0) return;
      epoll = -1;
      libc.close(waking);
    },
    rest: (fd, ms) => {
      const onReady = watched.get(fd);
      control(EPOLL_CTL.modify, fd, 0);
      setTimeout(() => {
        // The number may be another file's by now.
        if (watched.get(fd) === onReady) {
          control(EPOLL_CTL.modify, fd, EPOLL.in);
        }
      }, ms);
    },
  };
}
