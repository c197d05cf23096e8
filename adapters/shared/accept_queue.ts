/**
 * How many connections wait in the queue of a listening socket, and how many of
 * it a process holds.
 *
 * @module
 */

import type { AcceptQueues, Pending } from "../../core/adapter/accept_queue.ts";
import { handshakesAt } from "../../libc/handshakes.ts";
import { fixed, type Libc, sizeOf } from "../../libc/libc.ts";
import { bufferSize } from "../../libc/dgram.ts";
import { type ListenQueue, listenQueue } from "../../libc/listen_queue.ts";
import { libcHere } from "../../libc/open.ts";
import {
  inodeIn,
  type InternetSocket,
  tcpSockets,
  udpSockets,
  unixSockets,
} from "../../libc/proc_net.ts";
import { portOf } from "../../libc/sockaddr.ts";
import { inodeAt, linkProc, listProc, readProc } from "./proc.ts";

/** The queues of this process' sockets. */
export const acceptQueues: AcceptQueues = {
  queued: (fd) => {
    const info = byTcpInfo(fd);
    if (info !== undefined) return info.listens ? info.queued : undefined;
    const inode = inodeAt(fd);
    if (inode === undefined) return undefined;
    const all = unixSockets(readProc);
    const own = all.find((each) => each.inode === inode);
    if (own === undefined) {
      // What libc knows nothing of is no TCP.
      const internet = libcHere() === undefined ? tcpOf(inode) : undefined;
      return internet?.listens === true ? internet.queued : undefined;
    }
    // What is not accepted yet has the name of the listener and no file.
    return own.listens && own.path !== ""
      ? all.filter(({ path, waits }) => waits && path === own.path).length
      : undefined;
  },
  asksQuickly: () => libcHere() !== undefined,
  buffered: (fd) => {
    const inode = inodeAt(fd);
    const own = udpSockets(readProc).find((each) => each.inode === inode);
    return own && { bytes: own.queued, limit: limitOf(fd), drops: own.drops };
  },
  pending: (fds) => {
    const libc = libcHere();
    return libc === undefined
      ? pendingInTables(fds)
      : pendingByLibc(libc, fds) ?? pendingInTables(fds);
  },
  dropped: () => droppedIn(readProc("/proc/self/net/netstat")),
  accepted: (fd, pid) => {
    const inode = inodeAt(fd);
    const files = listProc(`/proc/${pid}/fd`);
    if (inode === undefined || files.length === 0) return undefined;
    const held = new Set(
      files.map((file) => inodeIn(linkProc(`/proc/${pid}/fd/${file}`))),
    );
    const isHeld = (each: { inode: number; listens: boolean }): boolean =>
      !each.listens && held.has(each.inode);
    const local = unixSockets(readProc);
    const own = local.find((each) => each.inode === inode);
    if (own !== undefined) {
      return local.filter((each) => isHeld(each) && each.path === own.path)
        .length;
    }
    const internet = tcpSockets(readProc);
    const { port } = internet.find((each) => each.inode === inode) ?? {};
    return port === undefined
      ? undefined
      : internet.filter((each) => isHeld(each) && each.port === port).length;
  },
};

/**
 * ListenOverflows and ListenDrops: two lines that begin with `TcpExt:`, names
 * and numbers (proc_net(5)).
 */
function droppedIn(
  text = "",
): { overflows: number; drops: number } | undefined {
  const [names = [], numbers = []] = text.split("\n")
    .filter((line) => line.startsWith("TcpExt: "))
    .map((line) => line.split(" "));
  const value = (name: string): number => Number(numbers[names.indexOf(name)]);
  const overflows = value("ListenOverflows");
  const drops = value("ListenDrops");
  return Number.isNaN(overflows + drops) ? undefined : { overflows, drops };
}

/** Undefined where the kernel does not answer so. */
function pendingByLibc(
  libc: Libc,
  fds: readonly number[],
): Pending | undefined {
  const count = (): number =>
    fds.reduce((sum, fd) => sum + (acceptQueues.queued(fd) ?? 0), 0);
  const queued = count();
  const listening = fds.filter((fd) => byTcpInfo(fd)?.listens === true);
  if (queued > 0 || listening.length === 0) return { queued, handshakes: 0 };
  const families = new Set<number>();
  const ports = new Set<number>();
  for (const fd of listening) {
    const address = fixed(128);
    libc.getsockname(fd, address, sizeOf(address));
    families.add(new DataView(address.buffer).getUint16(0, true));
    ports.add(portOf(address));
  }
  try {
    const handshakes = handshakesAt(libc, families, ports);
    // Who is no longer in a handshake is in a queue by now.
    return { queued: count(), handshakes };
  } catch {
    return undefined;
  }
}

/** Without the copy of the table that is some seconds old. */
function pendingInTables(fds: readonly number[]): Pending | undefined {
  const inodes = new Set(fds.flatMap((fd) => inodeAt(fd) ?? []));
  if (inodes.size === 0) return undefined;
  const isOwn = (each: { inode: number; listens: boolean }): boolean =>
    each.listens && inodes.has(each.inode);
  const local = unixSockets(readProc);
  const ownLocal = local.filter(isOwn);
  const paths = new Set(ownLocal.map(({ path }) => path));
  // That of TCP takes long to read: only where it can have one of them.
  const internet = ownLocal.length < inodes.size ? tcpSockets(readProc) : [];
  const own = internet.filter(isOwn);
  const ports = new Set(own.map(({ port }) => port));
  return {
    queued: own.reduce((sum, { queued }) => sum + queued, 0) +
      local.filter(({ path, waits }) => waits && paths.has(path)).length,
    handshakes: internet.filter(({ port, shakes }) => shakes && ports.has(port))
      .length,
  };
}

/** By libc, where it can be called: the table may have very many rows. */
function byTcpInfo(fd: number): ListenQueue | undefined {
  const libc = libcHere();
  return libc && listenQueue(libc, fd);
}

/** The size of a receive buffer; without libc that of all that are not set. */
function limitOf(fd: number): number {
  const libc = libcHere();
  return libc === undefined
    ? Number(readProc("/proc/sys/net/core/rmem_default"))
    : bufferSize(libc, fd, "receiveBuffer");
}

/** The most of the time that is spent on reading the table of TCP. */
const READING = 0.02;

let table: readonly InternetSocket[] = [];
let readAgainAt = -Infinity;

/**
 * A socket in the table, which may be some seconds old: with the many rows of
 * connections that have just ended (TIME_WAIT) it takes long to read.
 */
function tcpOf(inode: number): InternetSocket | undefined {
  const began = performance.now();
  if (began >= readAgainAt) {
    table = tcpSockets(readProc);
    const end = performance.now();
    readAgainAt = end + (end - began) / READING;
  }
  return table.find((each) => each.inode === inode);
}
