/**
 * Reads all worker channels of this process by recvmsg(2), whatever tells when
 * one of them can be read.
 *
 * @module
 */

import type { ReadChannel } from "./worker.ts";
import type { Libc } from "../../libc/libc.ts";
import { messageReceiver } from "./receiver.ts";

/** Tells what can be read, by file descriptor. */
export interface Waiter {
  /** Calls back whenever something can be read, until it is removed. */
  add(fd: number, onReady: () => void): void;
  /** Stops that. */
  remove(fd: number): void;
}

/** Makes the reader of channels, which from then on belong to it. */
export function channelsBy(libc: Libc, waiter: Waiter): ReadChannel {
  const receiver = messageReceiver(libc);
  return (fd, reader) => {
    const { promise, resolve } = Promise.withResolvers<void>();
    let open = true;
    const close = (): void => {
      if (!open) return;
      open = false;
      waiter.remove(fd);
      libc.close(fd);
      reader.end();
      resolve();
    };
    waiter.add(fd, () => {
      if (open && !receiver.receive(fd, reader)) close();
    });
    return { ended: promise, cancel: close };
  };
}
