/**
 * Waits for all worker channels of this process on Deno: epoll_wait(2) waits in
 * one thread, and everything else happens in the event loop.
 *
 * @module
 */

import {
  channelsBy,
  type ReadChannel,
  type Waiter,
} from "../ffi/channel_reader.ts";
import type { DenoLibc } from "../../libc/deno.ts";
import {
  EPOLL,
  EPOLL_CTL,
  EPOLL_EVENT_SIZE,
  epollData,
  epollEvent,
} from "../../libc/epoll.ts";
import { checked, fixed, SOCK, socketPair } from "../../libc/libc.ts";

/** The most channels that one wait reports; the others are next. */
const EVENTS = 64;

/** Makes the reader of channels, which from then on belong to it. */
export function denoChannels(libc: DenoLibc): ReadChannel {
  return channelsBy(libc, denoWaiter(libc));
}

/** The thread is there as long as there is something to wait for. */
function denoWaiter(libc: DenoLibc): Waiter {
  const watched = new Map<number, () => void>();
  let epoll = -1;
  /** Closing one end of a pair wakes the thread that waits for the other. */
  let waking = -1;
  const run = async (own: number, waiting: number): Promise<void> => {
    const events = fixed(EVENTS * EPOLL_EVENT_SIZE);
    const view = new DataView(events.buffer);
    while (own === epoll) {
      const count = await libc.epollWaited(own, events, EVENTS);
      for (let i = 0; i < count && own === epoll; i++) {
        watched.get(epollData(view, i))?.();
      }
    }
    libc.close(waiting);
    libc.close(own);
  };
  const watch = (fd: number): void => {
    const event = epollEvent(EPOLL.in, fd);
    checked(
      libc,
      libc.epoll_ctl(epoll, EPOLL_CTL.add, fd, event),
      "epoll_ctl",
    );
  };
  const begin = (): void => {
    const [waiting, other] = socketPair(libc);
    waking = other;
    epoll = checked(libc, libc.epoll_create1(SOCK.cloexec), "epoll_create1");
    watch(waiting);
    void run(epoll, waiting);
  };
  return {
    add: (fd, onReady) => {
      if (watched.size === 0) begin();
      watch(fd);
      watched.set(fd, onReady);
    },
    remove: (fd) => {
      libc.epoll_ctl(epoll, EPOLL_CTL.delete, fd, epollEvent(0, 0));
      watched.delete(fd);
      if (watched.size > 0) return;
      epoll = -1;
      libc.close(waking);
    },
  };
}
