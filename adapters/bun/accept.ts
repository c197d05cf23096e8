/**
 * Accepts on Bun: its own sockets accept, and give the connection away before
 * anything of it is read.
 *
 * @module
 */

import { duplicate, F } from "../../libc/libc.ts";
import type { Accept } from "../ffi/sockets.ts";
import type { BunFdSockets } from "./types.ts";

/**
 * Lets Bun accept and takes the connection away from it before anything is
 * read. The only call that waits and that Bun has for a file descriptor.
 */
export function bunAccept(Bun: BunFdSockets): Accept {
  return (libc, fd, onFd) => {
    const listener = Bun.listen({
      // A copy, because stop() closes what it was given.
      fd: duplicate(libc, fd),
      socket: {
        open: (socket) => {
          const copy = libc.fcntl(socket.fd, F.dupfdCloexec, 3);
          // Closes Bun's own without shutdown(2): the copy lives on. Without a
          // copy this process is out of files, and the client is cut.
          socket.end();
          if (copy >= 0) onFd(copy);
        },
        data: () => undefined,
        error: (_, error) => rethrow(error),
      },
    });
    return { [Symbol.dispose]: () => listener.stop() };
  };
}

/** Bun reports here what a callback threw, and that a socket broke. */
export function rethrow(error: Error): void {
  // A broken socket is closed next, which is all that counts.
  if (!("syscall" in error)) {
    queueMicrotask(() => {
      throw error;
    });
  }
}
