/**
 * The writing half of a worker channel over libc: one path for messages with
 * and without a connection, because the bytes and the file descriptor that
 * goes with them (SCM_RIGHTS, unix(7)) must stay together and in order.
 *
 * @module
 */

import { MAX_BEHIND } from "../../core/adapter.ts";
import type { FdConnection } from "./connection.ts";
import { errorName, type Libc } from "../../libc/libc.ts";
import { messageSender } from "../../libc/message.ts";

/** The most bytes that wait for a worker that does not read. */
const MAX_QUEUED: number = 16 * 1024 * 1024;

/** The longest pause before a full channel is tried again, in milliseconds. */
const MAX_PAUSE = 50;

/** Sends to one worker. */
export interface ChannelWriter {
  /** Sends or queues; false when the worker is gone or takes nothing. */
  send(message: unknown, sending?: Sending): boolean;
  /**
   * The same for what a runtime waits for: a connection that waits here for
   * that runtime does not hold it up.
   */
  answer(message: unknown): boolean;
  /** True while so much waits that the worker gets no answers. */
  readonly behind: boolean;
  /** To be called when the worker's runtime says what became of a connection. */
  settled(taken: boolean): void;
  /** Closes the file descriptor and drops what waits. */
  close(): void;
}

/** A connection to be sent, and who is told what became of it. */
export interface Sending {
  /** The connection. */
  readonly connection: FdConnection;
  /** Called once, unless the worker ends before that. */
  onSettled(taken: boolean): void;
}

interface Waiting {
  bytes: Uint8Array;
  /** The connection, until it has been sent with the first byte. */
  sending: Sending | undefined;
}

/**
 * Writes to a non-blocking socket, which from now on belongs to the writer.
 *
 * @param raw true for a reader that makes a raw handle of a connection
 */
export function channelWriter(
  libc: Libc,
  fd: number,
  raw: boolean,
): ChannelWriter {
  const type = raw ? "net.Native" : "net.Socket";
  const queue: Waiting[] = [];
  let queued = 0;
  let open = true;
  /** Sent and not settled: Node settles one at a time, and so do the others. */
  let underway: Sending | undefined;
  let pause = 1;
  let timer: ReturnType<typeof setTimeout> | undefined;

  const close = (): void => {
    if (!open) return;
    open = false;
    queue.length = 0;
    clearTimeout(timer);
    libc.close(fd);
  };
  const later = (): void => {
    timer = setTimeout(() => {
      timer = undefined;
      flush();
    }, pause);
    pause = Math.min(pause * 2, MAX_PAUSE);
  };
  const flush = (): void => {
    while (open && timer === undefined) {
      const next = queue[0];
      if (next === undefined) return;
      const { sending } = next;
      const file = sending?.connection.fd();
      if (file === -1) {
        // Closed while it waited: the client has been given up.
        queued -= next.bytes.length;
        queue.shift();
        continue;
      }
      if (sending !== undefined && underway !== undefined) return;
      const sent = messageSender(libc).send(fd, next.bytes, file);
      if (sent < 0) {
        // A full channel, or too many connections under way: sendmsg(2).
        return RETRIED.has(errorName(libc.errno())) ? later() : close();
      }
      pause = 1;
      if (sending !== undefined) underway = sending;
      next.sending = undefined;
      next.bytes = next.bytes.subarray(sent);
      queued -= sent;
      if (next.bytes.length > 0) continue;
      queue.shift();
    }
  };
  const insert = (
    place: number,
    message: unknown,
    sending?: Sending,
  ): boolean => {
    const bytes = encoder.encode(framed(message, sending && type));
    if (!open || queued + bytes.length > MAX_QUEUED) return false;
    queue.splice(place, 0, { bytes, sending });
    queued += bytes.length;
    flush();
    return open;
  };
  return {
    send: (message, sending) => insert(queue.length, message, sending),
    answer: (message) =>
      queue.length <= MAX_BEHIND &&
      // Of what is first and no connection a part may have been sent already.
      insert(queue[0]?.sending === undefined ? 1 : 0, message),
    get behind() {
      return queue.length > MAX_BEHIND;
    },
    settled: (taken) => {
      const sending = underway;
      underway = undefined;
      sending?.onSettled(taken);
      flush();
    },
    close,
  };
}

const RETRIED: ReadonlySet<string> = new Set([
  "EAGAIN",
  "EINTR",
  "ENOBUFS",
  "ENOMEM",
  "ETOOMANYREFS",
]);

const encoder: TextEncoder = new TextEncoder();

/**
 * As Node frames it: lib/internal/child_process.js, `handleConversion`.
 *
 * @param type that of the connection which goes with it
 */
function framed(message: unknown, type: string | undefined): string {
  return JSON.stringify(
    type === undefined ? message : { cmd: "NODE_HANDLE", type, msg: message },
  ) + "\n";
}
