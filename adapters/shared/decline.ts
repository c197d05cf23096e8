/**
 * Answers HTTP requests on a listening socket that workers share, while no
 * worker can: by libc and a timer, because no runtime's own listener can stop
 * without closing the socket, and this has to stop in the moment in which a
 * worker is there.
 *
 * @module
 */

import type { HeldSocket } from "../../core/adapter.ts";
import type { Declining } from "../../core/decline.ts";
import { F, fixed, type Libc, SOCK } from "../../libc/libc.ts";
import { libcHere } from "../../libc/open.ts";

/** How often is looked, in ms: who waits has waited for seconds. */
const TICK_MS = 50;

/** The most that are answered at a time; the others wait in the queue. */
const MAX_OPEN = 1000;

/** How long a client has to send the head of its request, in ms. */
const HEAD_MS = 5000;

/**
 * How long, and how much, is read after the answer: to close with something
 * unread would reset the connection (tcp(7)), and the answer could be lost.
 */
const LINGER = { ms: 2000, bytes: 1024 * 1024 } as const;

/** The most of a head that is looked at (`http.maxHeaderSize` of Node). */
const MAX_HEAD = 16 * 1024;

/** How a request begins (RFC 9112). */
const REQUEST = /^[!#$%&'*+.^`|~\w-]+ \S+ HTTP\/1\.[01]\r?\n/;

/** MSG_DONTWAIT, MSG_NOSIGNAL and SHUT_WR of the manual pages. */
const DONTWAIT = 0x40;
const NOSIGNAL = 0x4000;
const SHUT_WR = 1;

/** One buffer for all: nobody keeps what is read. */
let buffer: Uint8Array<ArrayBuffer> | undefined;

/** A connection on its way to its answer. */
interface Guest {
  readonly fd: number;
  since: number;
  head: string;
  answered: boolean;
  drained: number;
}

/** Answers until disposed; undefined where libc cannot be called. */
export function declineHeld(
  { fd }: HeldSocket,
  reply: Uint8Array,
): Declining | undefined {
  const libc = libcHere();
  if (libc === undefined) return undefined;
  const answer = fixed(reply.length);
  answer.set(reply);
  const guests = new Set<Guest>();
  let open = true;
  let count = 0;
  const look = (): void => {
    const now = performance.now();
    if (open) admit(libc, fd, guests, now);
    for (const guest of guests) {
      const before = guest.answered;
      if (!serve(libc, guest, answer, now)) {
        libc.close(guest.fd);
        guests.delete(guest);
      }
      if (guest.answered && !before) count++;
    }
    if (open || guests.size > 0) setTimeout(look, TICK_MS);
  };
  look();
  return {
    get count() {
      return count;
    },
    [Symbol.dispose]: () => {
      open = false;
    },
  };
}

/** Accepts what waits. A socket that does not listen yet has nobody waiting. */
function admit(
  libc: Libc,
  fd: number,
  guests: Set<Guest>,
  since: number,
): void {
  // A program may have made it wait in accept(2), which would hold us up.
  const flags = libc.fcntl(fd, F.getfl, 0);
  if (flags < 0 || (flags & SOCK.nonblock) === 0) return;
  while (guests.size < MAX_OPEN) {
    const accepted = libc.accept4(fd, 0, 0, SOCK.nonblock | SOCK.cloexec);
    if (accepted < 0) return;
    guests.add({ fd: accepted, since, head: "", answered: false, drained: 0 });
  }
}

/** Goes on with a connection; false when it is to be closed. */
function serve(
  libc: Libc,
  guest: Guest,
  answer: Uint8Array,
  now: number,
): boolean {
  buffer ??= fixed(MAX_HEAD);
  let ended = false;
  for (let turn = 0; turn < 8; turn++) {
    const read = libc.recv(guest.fd, buffer, buffer.length, DONTWAIT);
    if (read < 0) break;
    ended = read === 0;
    if (ended) break;
    if (guest.answered) guest.drained += read;
    else guest.head += latin1(buffer.subarray(0, read));
    if (!guest.answered && guest.head.length >= MAX_HEAD) break;
  }
  if (guest.answered) {
    return !ended && now - guest.since < LINGER.ms &&
      guest.drained < LINGER.bytes;
  }
  const whole = guest.head.includes("\r\n\r\n") ||
    guest.head.includes("\n\n") || guest.head.length >= MAX_HEAD;
  if (!whole && !ended && now - guest.since < HEAD_MS) return true;
  if (!REQUEST.test(guest.head)) return false;
  // It fits into any socket's buffer, which is empty.
  libc.send(guest.fd, answer, answer.length, DONTWAIT | NOSIGNAL);
  libc.shutdown(guest.fd, SHUT_WR);
  guest.answered = true;
  guest.since = now;
  return !ended;
}

function latin1(bytes: Uint8Array): string {
  return String.fromCharCode(...bytes);
}
