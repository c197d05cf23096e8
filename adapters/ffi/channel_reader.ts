/**
 * Reads all worker channels of this process by recvmsg(2), whatever tells when
 * one of them can be read.
 *
 * @module
 */

import type { Libc } from "../../libc/libc.ts";
import { messageReceiver } from "../../libc/message.ts";
import { type ChannelReader, READ_BYTES } from "../channel/reader.ts";
import type { Reading } from "../shared/lines.ts";
import { Turn } from "../shared/turn.ts";
import { caughtUp } from "./catch_up.ts";
import { fdConnection } from "./connection.ts";

/** Reads a channel, which then belongs to the reader, to its end. */
export type ReadChannel = (fd: number, reader: ChannelReader) => Reading;

/** Tells what can be read, by file descriptor. */
export interface Waiter {
  /** Calls back whenever something can be read, until it is removed. */
  add(fd: number, onReady: () => void): void;
  /** Stops that. */
  remove(fd: number): void;
}

/** Makes the reader of channels, which from then on belong to it. */
export function channelsBy(libc: Libc, waiter: Waiter): ReadChannel {
  let reading = false;
  return (fd, reader) => {
    const { promise, resolve } = Promise.withResolvers<void>();
    let open = true;
    const close = (): void => {
      if (!open) return;
      open = false;
      waiter.remove(fd);
      told[Symbol.dispose]();
      libc.close(fd);
      reader.end();
      resolve();
    };
    const read = (): void => {
      // What a worker says may have another one started, which has the waiter
      // look: but all are read into one buffer. Whoever was not read is told of
      // again.
      if (!open || reading) return;
      reading = true;
      let goesOn: boolean;
      try {
        goesOn = readSome(libc, fd, reader);
      } finally {
        reading = false;
      }
      if (!goesOn) close();
    };
    const told = caughtUp(read);
    waiter.add(fd, read);
    return { ended: promise, cancel: close };
  };
}

/**
 * Reads what is there, but no more than others can wait for. False once the
 * channel has ended.
 */
function readSome(libc: Libc, fd: number, reader: ChannelReader): boolean {
  const turn = new Turn();
  for (;;) {
    const received = messageReceiver(libc).receive(fd, READ_BYTES);
    if (received === "ended") return false;
    if (received === undefined) return true;
    const { bytes, fds: [file, ...surplus] } = received;
    for (const each of surplus) libc.close(each);
    const connection = file === undefined
      ? undefined
      : fdConnection(libc, file);
    const lines = reader.read(bytes, connection);
    // A read that could have been longer has left nothing behind, unless a file
    // descriptor has ended it.
    if (bytes.length < READ_BYTES && connection === undefined) return true;
    if (turn.take(lines + 1)) return true;
  }
}
