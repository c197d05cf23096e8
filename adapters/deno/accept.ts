/**
 * Accepts through libc on Deno: poll(2) waits in a thread of its own, and
 * everything else happens in the event loop.
 *
 * @module
 */

import type { DenoLibc } from "../../libc/deno.ts";
import { errorName, SOCK, socketPair } from "../../libc/libc.ts";
import { POLL, pollEntries } from "../../libc/poll.ts";

/** The most connections accepted before anything else has its turn. */
const BATCH = 64;

/** The pause when this process has no file descriptor left, in milliseconds. */
const PAUSE = 50;

/** Accepts until disposed. */
export function denoAccept(
  libc: DenoLibc,
  fd: number,
  onFd: (fd: number) => void,
): Disposable {
  // Closing one end of a pair wakes the thread that polls the other.
  const [waiting, waking] = socketPair(libc);
  let disposed = false;
  const entries = pollEntries([fd, waiting], POLL.in);

  const acceptSome = (): string => {
    for (let i = 0; i < BATCH && !disposed; i++) {
      const accepted = libc.accept4(fd, 0, 0, SOCK.nonblock | SOCK.cloexec);
      if (accepted < 0) return errorName(libc.errno());
      onFd(accepted);
    }
    return "";
  };
  const run = async (): Promise<void> => {
    while (!disposed) {
      await libc.polled(entries, 2);
      const problem = acceptSome();
      if (problem === "EMFILE" || problem === "ENFILE") {
        await new Promise((resume) => setTimeout(resume, PAUSE));
      }
    }
    libc.close(waiting);
  };
  void run();
  return {
    [Symbol.dispose]: () => {
      if (!disposed) libc.close(waking);
      disposed = true;
    },
  };
}
