/**
 * Reads the first bytes of a connection through libc, for the runtimes whose
 * own sockets would read on: what they have taken out is lost to the worker.
 *
 * @module
 */

import type { HeadReader } from "../../core/adapter.ts";
import {
  errorName,
  fixed,
  type Libc,
  MSG_NOSIGNAL_DONTWAIT,
} from "../../libc/libc.ts";

/** The longest pause before a silent client is asked again, in ms. */
const MAX_PAUSE = 50;

/** One buffer for all: nobody keeps what it is given. */
const buffer: Uint8Array = fixed(4096);

/** Reads at most `limit` bytes until disposed. */
export function readFd(
  libc: Libc,
  fd: () => number,
  limit: number,
  reader: HeadReader,
): Disposable {
  let left = limit;
  let timer: ReturnType<typeof setTimeout> | undefined;
  let open = true;
  const stop = (): void => {
    open = false;
    clearTimeout(timer);
  };
  const look = (pause: number): void => {
    while (open && left > 0) {
      const length = Math.min(left, buffer.length);
      const count = libc.recv(fd(), buffer, length, MSG_NOSIGNAL_DONTWAIT);
      if (count > 0) {
        left -= count;
        pause = 1;
        reader.bytes(buffer.subarray(0, count));
        continue;
      }
      const problem = count === 0 ? "" : errorName(libc.errno());
      if (problem === "EAGAIN" || problem === "EINTR") {
        // Neither runtime can wait for the file descriptor of another owner.
        timer = setTimeout(look, pause, Math.min(pause * 2, MAX_PAUSE));
        return;
      }
      stop();
      reader.end(problem !== "");
    }
  };
  // Most clients have sent their request already, but nobody is called before
  // this function has returned.
  timer = setTimeout(look, 0, 1);
  return { [Symbol.dispose]: stop };
}
