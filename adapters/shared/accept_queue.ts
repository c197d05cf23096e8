/**
 * How many connections wait in the queue of a listening socket, and how many of
 * it a process holds.
 *
 * @module
 */

import type { AcceptQueues } from "../../core/accept_queue.ts";
import { fixed } from "../../libc/libc.ts";
import { libcHere } from "../../libc/open.ts";
import {
  inodeIn,
  type InternetSocket,
  tcpSockets,
  unixSockets,
} from "../../libc/proc_net.ts";
import { linkProc, listProc, readProc } from "./proc.ts";

/**
 * TCP_INFO of tcp(7) at IPPROTO_TCP: of a socket that listens, `tcpi_state` is
 * TCP_LISTEN and `tcpi_unacked` the length of its queue (tcp_get_info() of the
 * kernel, net/ipv4/tcp.c).
 */
const TCP_INFO = {
  level: 6,
  name: 11,
  listens: 10,
  unackedAt: 24,
  bytes: 28,
} as const;

/** The queues of this process' sockets. */
export const acceptQueues: AcceptQueues = {
  queued: (fd) => {
    const info = byTcpInfo(fd);
    if (info !== undefined) return info.listens ? info.queued : undefined;
    const inode = inodeIn(linkProc(`/proc/self/fd/${fd}`));
    if (inode === undefined) return undefined;
    const internet = tcpOf(inode);
    if (internet !== undefined) {
      return internet.listens ? internet.queued : undefined;
    }
    const all = unixSockets(readProc);
    const own = all.find((each) => each.inode === inode);
    // What is not accepted yet has the name of the listener and no file.
    return own?.listens === true && own.path !== ""
      ? all.filter(({ path, waits }) => waits && path === own.path).length
      : undefined;
  },
  accepted: (fd, pid) => {
    const inode = inodeIn(linkProc(`/proc/self/fd/${fd}`));
    const files = listProc(`/proc/${pid}/fd`);
    if (inode === undefined || files.length === 0) return undefined;
    const held = new Set(
      files.map((file) => inodeIn(linkProc(`/proc/${pid}/fd/${file}`))),
    );
    const isHeld = (each: { inode: number; listens: boolean }): boolean =>
      !each.listens && held.has(each.inode);
    const internet = tcpOf(inode);
    if (internet !== undefined) {
      return tcpSockets(readProc).filter((each) =>
        isHeld(each) && each.port === internet.port
      ).length;
    }
    const all = unixSockets(readProc);
    const own = all.find((each) => each.inode === inode);
    return own && all.filter((each) => isHeld(each) && each.path === own.path)
      .length;
  },
};

/** By libc, where it can be called: the table may have very many rows. */
function byTcpInfo(
  fd: number,
): { listens: boolean; queued: number } | undefined {
  const libc = libcHere();
  if (libc === undefined) return undefined;
  const info = fixed(TCP_INFO.bytes);
  const length = fixed(4);
  new DataView(length.buffer).setUint32(0, TCP_INFO.bytes, true);
  const { level, name, listens, unackedAt } = TCP_INFO;
  if (libc.getsockopt(fd, level, name, info, length) !== 0) return undefined;
  return {
    listens: info[0] === listens,
    queued: new DataView(info.buffer).getUint32(unackedAt, true),
  };
}

function tcpOf(inode: number): InternetSocket | undefined {
  return tcpSockets(readProc).find((each) => each.inode === inode);
}
