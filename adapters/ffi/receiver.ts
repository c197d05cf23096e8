/**
 * The structures of recvmsg(2) for one buffer and a few file descriptors, laid
 * out for 64-bit Linux as those of `_message_buffer.ts`. A runtime's own
 * sockets read with recv(2), which closes file descriptors that come along.
 *
 * @module
 */

import type { ChannelReader } from "../channel/reader.ts";
import { fdConnection } from "./connection.ts";
import {
  errorName,
  fixed,
  type Libc,
  MSG_RECEIVE,
  SO,
} from "../../libc/libc.ts";

/** Reads what has come over channels. */
export interface MessageReceiver {
  /**
   * Reads what is there, but no more than others can wait for. False once the
   * channel has ended.
   */
  receive(fd: number, reader: Pick<ChannelReader, "read">): boolean;
}

/** As much as one call takes. */
const SIZE = 64 * 1024;

/** The most calls before anything else has its turn. */
const BATCH = 16;

/** struct cmsghdr: size_t cmsg_len, int cmsg_level, int cmsg_type (cmsg(3)). */
const CONTROL_HEADER = 16;

/** CMSG_SPACE for eight of them; the kernel closes what does not fit. */
const CONTROL_SIZE: number = CONTROL_HEADER + 8 * 4;

// The addresses are computed once: the buffers never move.
const made: WeakMap<Libc, MessageReceiver> = new WeakMap();

/** The receiver of this process; calls are synchronous, so one is enough. */
export function messageReceiver(libc: Libc): MessageReceiver {
  let receiver = made.get(libc);
  if (receiver === undefined) made.set(libc, receiver = make(libc));
  return receiver;
}

function make(libc: Libc): MessageReceiver {
  const data = fixed(SIZE);
  const iovec = fixed(16);
  const control = fixed(CONTROL_SIZE);
  const header = fixed(56);
  const iovecView = new DataView(iovec.buffer);
  const controlView = new DataView(control.buffer);
  const headerView = new DataView(header.buffer);

  const dataAt = libc.pointer(data);
  headerView.setBigUint64(16, libc.pointer(iovec), true); // msg_iov
  headerView.setBigUint64(24, 1n, true); // msg_iovlen
  headerView.setBigUint64(32, libc.pointer(control), true); // msg_control

  /** The file descriptors that have come; the kernel has set the length. */
  const received = (): number[] => {
    const fds: number[] = [];
    const end = Number(headerView.getBigUint64(40, true));
    let at = 0;
    while (at + CONTROL_HEADER <= end) {
      const length = Number(controlView.getBigUint64(at, true));
      if (length < CONTROL_HEADER) break;
      const isRights = controlView.getInt32(at + 8, true) === SO.socket &&
        controlView.getInt32(at + 12, true) === SO.rights;
      const last = Math.min(at + length, end);
      for (let i = at + CONTROL_HEADER; isRights && i + 4 <= last; i += 4) {
        fds.push(controlView.getInt32(i, true));
      }
      at += (length + 7) & ~7;
    }
    return fds;
  };
  return {
    receive: (fd, reader) => {
      for (let i = 0; i < BATCH; i++) {
        // Written each time: the garbage collector does not know that a buffer
        // is in use whose address alone is stored.
        iovecView.setBigUint64(0, dataAt, true); // iov_base
        iovecView.setBigUint64(8, BigInt(SIZE), true); // iov_len
        headerView.setBigUint64(40, BigInt(CONTROL_SIZE), true);
        const count = libc.recvmsg(fd, header, MSG_RECEIVE);
        if (count === 0) return false;
        if (count < 0) {
          const problem = errorName(libc.errno());
          if (problem === "EINTR") continue;
          return problem === "EAGAIN";
        }
        const [file, ...surplus] = received();
        for (const each of surplus) libc.close(each);
        const connection = file === undefined
          ? undefined
          : fdConnection(libc, file);
        reader.read(data.subarray(0, count), connection);
        // A read that could have been longer has left nothing behind, unless a
        // file descriptor has ended it.
        if (count < SIZE && connection === undefined) return true;
      }
      return true;
    },
  };
}
