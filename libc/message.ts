/**
 * The structures of sendmsg(2) for one buffer and at most one file descriptor,
 * laid out for 64-bit Linux: struct msghdr, struct iovec and struct cmsghdr
 * (sendmsg(2), cmsg(3)).
 *
 * @module
 */

import { fixed, type Libc, MSG_NOSIGNAL_DONTWAIT, SO } from "./libc.ts";

/** Sends bytes, with a file descriptor attached to the first of them. */
export interface MessageBuffer {
  /** What sendmsg(2) returns: the number of bytes taken, or -1. */
  send(fd: number, bytes: Uint8Array, passing: number | undefined): number;
}

/** As much as one call takes; more is sent in parts. */
const SIZE = 64 * 1024;

// The addresses are computed once: the buffers never move.
const made: WeakMap<Libc, MessageBuffer> = new WeakMap();

/** The buffer of this process; calls are synchronous, so one is enough. */
export function messageBuffer(libc: Libc): MessageBuffer {
  let buffer = made.get(libc);
  if (buffer === undefined) made.set(libc, buffer = make(libc));
  return buffer;
}

function make(libc: Libc): MessageBuffer {
  const data = fixed(SIZE);
  const iovec = fixed(16);
  const control = fixed(24);
  const header = fixed(56);
  const iovecView = new DataView(iovec.buffer);
  const controlView = new DataView(control.buffer);
  const headerView = new DataView(header.buffer);

  iovecView.setBigUint64(0, libc.pointer(data), true); // iov_base
  controlView.setBigUint64(0, 20n, true); // cmsg_len = CMSG_LEN(sizeof(int))
  controlView.setUint32(8, SO.socket, true); // cmsg_level = SOL_SOCKET
  controlView.setUint32(12, SO.rights, true); // cmsg_type = SCM_RIGHTS
  headerView.setBigUint64(16, libc.pointer(iovec), true); // msg_iov
  headerView.setBigUint64(24, 1n, true); // msg_iovlen
  headerView.setBigUint64(32, libc.pointer(control), true); // msg_control

  return {
    send: (fd, bytes, passing) => {
      const part = bytes.length > SIZE ? bytes.subarray(0, SIZE) : bytes;
      data.set(part);
      iovecView.setBigUint64(8, BigInt(part.length), true); // iov_len
      controlView.setInt32(16, passing ?? -1, true);
      // msg_controllen = CMSG_SPACE(sizeof(int)), or no control data at all
      headerView.setBigUint64(40, passing === undefined ? 0n : 24n, true);
      return libc.sendmsg(fd, header, MSG_NOSIGNAL_DONTWAIT);
    },
  };
}
