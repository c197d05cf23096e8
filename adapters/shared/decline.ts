/**
 * Answers HTTP requests while no worker can, on a listening socket that workers
 * share too: by libc and a timer, because no runtime's own listener can stop
 * without closing the socket, and this has to stop in the moment in which a
 * worker is there.
 *
 * @module
 */

import type { HeldSocket } from "../../core/adapter.ts";
import type { Connection } from "../../core/adapter/connection.ts";
import type { DeclineRequest, Declining } from "../../core/adapter/decline.ts";
import { MAX_V2, parseProxyHead } from "../../core/handoff/proxy_protocol.ts";
import type { ProxySettings } from "../../core/options/listener_features.ts";
import {
  F,
  fixed,
  type Libc,
  MSG_DONTWAIT,
  MSG_NOSIGNAL_DONTWAIT,
  SHUT,
  SOCK,
} from "../../libc/libc.ts";
import { libcHere } from "../../libc/open.ts";

/** How often is looked, in ms: who waits has waited for seconds. */
const TICK_MS = 50;

/** The most that are answered at a time; the others wait in the queue. */
const MAX_OPEN = 1000;

/** How long a client has to send the head of its request, in ms. */
export const HEAD_MS: number = 5000;

/**
 * How long, and how much, is read after the answer: to close with something
 * unread would reset the connection (tcp(7)), and the answer could be lost.
 */
export const LINGER: { readonly ms: number; readonly bytes: number } = {
  ms: 2000,
  bytes: 1024 * 1024,
};

/** The most of a head that is looked at (`http.maxHeaderSize` of Node). */
const MAX_HEAD = 16 * 1024;

/** How a request begins (RFC 9112). */
const REQUEST = /^[!#$%&'*+.^`|~\w-]+ \S+ HTTP\/1\.[01]\r?\n/;

/** One buffer for all: nobody keeps what is read. */
let buffer: Uint8Array<ArrayBuffer> | undefined;

/** A connection on its way to its answer. */
interface Guest {
  readonly fd: number;
  /** Closes it. */
  close(): void;
  since: number;
  head: string;
  answered: boolean;
  drained: number;
}

/**
 * Answers until disposed; undefined where libc cannot be called.
 *
 * @param fdOf the file descriptor of a connection that was accepted elsewhere
 */
export function declineByLibc(
  socket: HeldSocket | undefined,
  { reply, proxy }: DeclineRequest,
  fdOf: (connection: Connection) => number,
): Declining | undefined {
  const libc = libcHere();
  if (libc === undefined) return undefined;
  const answer = fixed(reply.length);
  answer.set(reply);
  const guests = new Set<Guest>();
  let timer: ReturnType<typeof setTimeout> | undefined;
  let listens = socket;
  let count = 0;
  const welcome = (fd: number, close: () => void, head = ""): void => {
    const since = performance.now();
    guests.add({ fd, close, since, head, answered: false, drained: 0 });
  };
  const look = (): void => {
    timer = undefined;
    if (listens !== undefined) admit(libc, listens.fd, guests, welcome);
    const now = performance.now();
    for (const guest of guests) {
      const before = guest.answered;
      if (!serve(libc, guest, answer, proxy, now)) {
        guest.close();
        guests.delete(guest);
      }
      if (guest.answered && !before) count++;
    }
    if (listens !== undefined || guests.size > 0) {
      timer = setTimeout(look, TICK_MS);
    }
  };
  look();
  return {
    get count() {
      return count;
    },
    take(connection, head) {
      welcome(fdOf(connection), () => connection.close(), head);
      timer ??= setTimeout(look, 0);
    },
    [Symbol.dispose]: () => {
      listens = undefined;
    },
  };
}

/** Accepts what waits. A socket that does not listen yet has nobody waiting. */
function admit(
  libc: Libc,
  fd: number,
  guests: ReadonlySet<Guest>,
  welcome: (fd: number, close: () => void) => void,
): void {
  // A program may have made it wait in accept(2), which would hold us up.
  const flags = libc.fcntl(fd, F.getfl, 0);
  if (flags < 0 || (flags & SOCK.nonblock) === 0) return;
  while (guests.size < MAX_OPEN) {
    const accepted = libc.accept4(fd, 0, 0, SOCK.nonblock | SOCK.cloexec);
    if (accepted < 0) return;
    welcome(accepted, () => libc.close(accepted));
  }
}

/** Goes on with a connection; false when it is to be closed. */
function serve(
  libc: Libc,
  guest: Guest,
  answer: Uint8Array,
  proxy: ProxySettings | undefined,
  now: number,
): boolean {
  if (answer.length === 0) {
    guest.answered = true;
    return false;
  }
  buffer ??= fixed(MAX_HEAD);
  let ended = false;
  for (let turn = 0; turn < 8; turn++) {
    const read = libc.recv(guest.fd, buffer, buffer.length, MSG_DONTWAIT);
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
  const over = ended || now - guest.since >= HEAD_MS;
  const what = verdict(guest.head, proxy, over);
  if (what !== "answer") return what === "wait";
  // It fits into any socket's buffer, which is empty.
  libc.send(guest.fd, answer, answer.length, MSG_NOSIGNAL_DONTWAIT);
  libc.shutdown(guest.fd, SHUT.writing);
  guest.answered = true;
  guest.since = now;
  return !ended;
}

/**
 * What is to be done about a client by what it has sent, one character per byte.
 *
 * @param ended true when no more is waited for
 */
export function verdict(
  head: string,
  proxy: ProxySettings | undefined,
  ended: boolean,
): "wait" | "answer" | "close" {
  const request = requestIn(head, proxy);
  if (request === undefined) return "close";
  const whole = /\r?\n\r?\n/.test(request) || head.length >= MAX_HEAD;
  if (!whole && !ended) return "wait";
  return REQUEST.test(request) ? "answer" : "close";
}

/** What follows the header of a load balancer; undefined where that is bad. */
function requestIn(
  head: string,
  proxy: ProxySettings | undefined,
): string | undefined {
  if (proxy === undefined) return head;
  const bytes = Uint8Array.from(
    head.slice(0, MAX_V2),
    (char) => char.charCodeAt(0),
  );
  const parsed = parseProxyHead(bytes, proxy.version);
  if (parsed.kind === "bad") return undefined;
  return parsed.kind === "part" ? "" : head.slice(parsed.length);
}

function latin1(bytes: Uint8Array): string {
  return String.fromCharCode(...bytes);
}
