/**
 * Looks at the first bytes of a connection through libc, and leaves them there
 * for the worker (MSG_PEEK of recv(2)).
 *
 * @module
 */

import type { HeadReader } from "../../core/adapter/connection.ts";
import {
  errorName,
  fixed,
  type Libc,
  MSG_PEEK_DONTWAIT,
} from "../../libc/libc.ts";
import { catchUp } from "./catch_up.ts";
import { POLL, pollNow } from "../../libc/poll.ts";

/** The longest pause before a silent client is asked again, in ms. */
const MAX_PAUSE = 50;

/** One buffer for all: nobody keeps what it is given. */
let buffer: Uint8Array = fixed(4096);

/** Looks at no more than `limit` bytes until disposed. */
export function peekFd(
  libc: Libc,
  fd: () => number,
  limit: number,
  reader: HeadReader,
): Disposable {
  let seen = 0;
  let timer: ReturnType<typeof setTimeout> | undefined;
  let open = true;
  const stop = (): void => {
    open = false;
    clearTimeout(timer);
  };
  /** No more will come, or undefined while it may. */
  const ended = (count: number): "whole" | "broken" | undefined => {
    if (count === 0) return "whole";
    const problem = count < 0 ? errorName(libc.errno()) : "EAGAIN";
    if (problem !== "EAGAIN" && problem !== "EINTR") return "broken";
    // What has come before the end hides the end.
    const events = pollNow(libc, fd(), POLL.readHangUp);
    if ((events & POLL.error) !== 0) return "broken";
    return (events & POLL.readHangUp) !== 0 ? "whole" : undefined;
  };
  const look = (pause: number): void => {
    if (buffer.length < limit) buffer = fixed(limit);
    const count = libc.recv(fd(), buffer, limit, MSG_PEEK_DONTWAIT);
    const more = count > seen;
    if (more) {
      const from = seen;
      seen = count;
      catchUp();
      if (!open) return;
      reader.bytes(buffer.subarray(from, count));
      if (!open || seen === limit) return;
    } else {
      const end = ended(count);
      if (end !== undefined) {
        stop();
        return reader.end(end === "broken");
      }
    }
    // A wait for the descriptor would end at once for what was seen already.
    const next = more ? 1 : Math.min(pause * 2, MAX_PAUSE);
    timer = setTimeout(look, next, next);
  };
  // Most clients have sent their request already, but nobody is called before
  // this function has returned.
  timer = setTimeout(look, 0, 1);
  return { [Symbol.dispose]: stop };
}
