/**
 * The structures of sendmsg(2) and recvmsg(2) for one buffer and a few file
 * descriptors, laid out for 64-bit Linux: struct msghdr, struct iovec and struct
 * cmsghdr (sendmsg(2), cmsg(3)). The runtimes' own sockets read with recv(2),
 * which closes file descriptors that come along.
 *
 * @module
 */

import {
  errorName,
  fixed,
  type Libc,
  MSG_NOSIGNAL_DONTWAIT,
  MSG_RECEIVE,
  SO,
} from "./libc.ts";

/** Sends bytes, with a file descriptor attached to the first of them. */
export interface MessageSender {
  /**
   * What sendmsg(2) returns: the number of bytes taken, or -1.
   *
   * @param to where, from a socket that is not connected
   */
  send(
    fd: number,
    bytes: Uint8Array,
    passing: number | undefined,
    to?: Uint8Array,
  ): number;
}

/** Receives bytes, and the file descriptors that are attached to them. */
export interface MessageReceiver {
  /**
   * Receives what one call does, at most so many bytes; undefined when nothing
   * is there, "ended" when nothing will be.
   */
  receive(fd: number, most?: number): Received | "ended" | undefined;
}

/** What one call has received. */
export interface Received {
  /** The bytes, until the next call. */
  readonly bytes: Uint8Array;
  /** The file descriptors, which from now on belong to who is told. */
  readonly fds: readonly number[];
}

/** As much as one call takes; more is sent and received in parts. */
const MESSAGE_BYTES: number = 64 * 1024;

/** struct cmsghdr: size_t cmsg_len, int cmsg_level, int cmsg_type. */
const CONTROL = { length: 0, level: 8, type: 12, data: 16 } as const;

/** struct msghdr, by the places of the members that are used. */
const HEADER = {
  name: 0, // msg_name
  nameLength: 8, // msg_namelen, an int
  buffers: 16, // msg_iov
  bufferCount: 24, // msg_iovlen
  control: 32, // msg_control
  controlLength: 40, // msg_controllen
  size: 56,
} as const;

/** struct iovec: void *iov_base, size_t iov_len. */
const BUFFER = { address: 0, length: 8, size: 16 } as const;

/** The most that come with one message; the kernel closes what does not fit. */
const MAX_RECEIVED = 8;

/** A message to fill in: its buffers never move, so their addresses are kept. */
interface Layout {
  readonly data: Uint8Array;
  readonly dataAt: bigint;
  readonly header: Uint8Array;
  readonly headerView: DataView;
  readonly buffer: DataView;
  readonly control: DataView;
  /** Where it goes: the header has the address of these bytes alone. */
  to?: Uint8Array | undefined;
}

function layOut(libc: Libc, controlBytes: number): Layout {
  const data = fixed(MESSAGE_BYTES);
  const buffer = fixed(BUFFER.size);
  const control = fixed(controlBytes);
  const header = fixed(HEADER.size);
  const headerView = new DataView(header.buffer);
  headerView.setBigUint64(HEADER.buffers, libc.pointer(buffer), true);
  headerView.setBigUint64(HEADER.bufferCount, 1n, true);
  headerView.setBigUint64(HEADER.control, libc.pointer(control), true);
  return {
    data,
    dataAt: libc.pointer(data),
    header,
    headerView,
    buffer: new DataView(buffer.buffer),
    control: new DataView(control.buffer),
  };
}

/**
 * Written before each call: the garbage collector of Deno does not know that a
 * buffer is in use of which the address alone is stored.
 */
function aim(
  { buffer, dataAt, headerView }: Layout,
  bytes: number,
  control: number,
): void {
  buffer.setBigUint64(BUFFER.address, dataAt, true);
  buffer.setBigUint64(BUFFER.length, BigInt(bytes), true);
  headerView.setBigUint64(HEADER.controlLength, BigInt(control), true);
}

/** Makes the two of a process; calls are synchronous, so one each is enough. */
function oncePer<T>(make: (libc: Libc) => T): (libc: Libc) => T {
  const made: WeakMap<Libc, T> = new WeakMap();
  return (libc) => {
    let one = made.get(libc);
    if (one === undefined) made.set(libc, one = make(libc));
    return one;
  };
}

/** The sender of this process. */
export const messageSender: (libc: Libc) => MessageSender = oncePer((libc) => {
  const layout = layOut(libc, CONTROL.data + 8);
  const { control, data, header, headerView } = layout;
  control.setBigUint64(CONTROL.length, 20n, true); // CMSG_LEN(sizeof(int))
  control.setUint32(CONTROL.level, SO.socket, true); // SOL_SOCKET
  control.setUint32(CONTROL.type, SO.rights, true); // SCM_RIGHTS
  return {
    send: (fd, bytes, passing, to) => {
      const part = bytes.subarray(0, MESSAGE_BYTES);
      data.set(part);
      control.setInt32(CONTROL.data, passing ?? -1, true);
      // CMSG_SPACE(sizeof(int)), or no control data at all
      aim(layout, part.length, passing === undefined ? 0 : control.byteLength);
      layout.to = to;
      const name = to === undefined ? 0n : libc.pointer(to);
      headerView.setBigUint64(HEADER.name, name, true);
      headerView.setUint32(HEADER.nameLength, to?.length ?? 0, true);
      return libc.sendmsg(fd, header, MSG_NOSIGNAL_DONTWAIT);
    },
  };
});

/** The receiver of this process. */
export const messageReceiver: (libc: Libc) => MessageReceiver = oncePer(
  (libc) => {
    const layout = layOut(libc, CONTROL.data + MAX_RECEIVED * 4);
    const { control, data, header, headerView } = layout;

    /** The file descriptors that have come; the kernel has set the length. */
    const received = (): number[] => {
      const fds: number[] = [];
      const end = Number(headerView.getBigUint64(HEADER.controlLength, true));
      let at = 0;
      while (at + CONTROL.data <= end) {
        const length = Number(control.getBigUint64(at + CONTROL.length, true));
        if (length < CONTROL.data) break;
        const isRights =
          control.getInt32(at + CONTROL.level, true) === SO.socket &&
          control.getInt32(at + CONTROL.type, true) === SO.rights;
        const last = Math.min(at + length, end);
        for (let i = at + CONTROL.data; isRights && i + 4 <= last; i += 4) {
          fds.push(control.getInt32(i, true));
        }
        at += (length + 7) & ~7;
      }
      return fds;
    };
    return {
      receive: (fd, most = MESSAGE_BYTES) => {
        for (;;) {
          aim(layout, Math.min(most, MESSAGE_BYTES), control.byteLength);
          const count = libc.recvmsg(fd, header, MSG_RECEIVE);
          if (count === 0) return "ended";
          if (count > 0) {
            return { bytes: data.subarray(0, count), fds: received() };
          }
          const problem = errorName(libc.errno());
          if (problem === "EAGAIN") return undefined;
          if (problem !== "EINTR") return "ended";
        }
      },
    };
  },
);
