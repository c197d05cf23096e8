/**
 * Accepts through libc on Deno.
 *
 * @module
 */

import { errorName, SOCK } from "../../libc/libc.ts";
import type { Accept } from "../ffi/sockets.ts";
import type { DenoWaiter } from "../../libc/deno_epoll.ts";

/** The most connections accepted before anything else has its turn. */
const BATCH = 64;

/** The pause when this process has no file descriptor left, in milliseconds. */
const PAUSE = 50;

/** Makes the function that accepts until disposed. */
export function denoAccept(waiter: DenoWaiter): Accept {
  return (libc, fd, onFd) => {
    let disposed = false;
    waiter.add(fd, () => {
      for (let i = 0; i < BATCH && !disposed; i++) {
        const accepted = libc.accept4(fd, 0, 0, SOCK.nonblock | SOCK.cloexec);
        if (accepted < 0) {
          const problem = errorName(libc.errno());
          const full = problem === "EMFILE" || problem === "ENFILE";
          return full ? waiter.rest(fd, PAUSE) : undefined;
        }
        onFd(accepted);
      }
    });
    return {
      [Symbol.dispose]: () => {
        if (!disposed) waiter.remove(fd);
        disposed = true;
      },
    };
  };
}
