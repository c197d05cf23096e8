/**
 * The connections of a native server as the kernel sees them. The runtimes tell
 * which requests they serve, but not which connections are open, and a drain
 * must know: one that has sent half its request is none to close. Shared by the
 * servers of Bun and Deno; Linux only, like grafting itself.
 *
 * @module
 */

import {
  cString,
  fixed,
  MSG_NOSIGNAL_DONTWAIT,
  MSG_PEEK_DONTWAIT,
  optionOf,
  SHUT,
  sizeOf,
  SO,
} from "../../libc/libc.ts";
import type { Kernel } from "./kernel.ts";
import { type BoundAt, boundAt, sameAddress } from "./sockets.ts";
import { watchesOf } from "./watch.ts";
import { peerOfSockaddr } from "./peer.ts";

/** One open connection. */
export interface OpenConnection {
  /** Its descriptor in this process. */
  readonly fd: number;
  /** Its client, as `peerOf` names it; undefined on a Unix socket. */
  readonly peer: string | undefined;
  /**
   * True when the last bytes came from the client: a request is on its way, or
   * its response is not. On a Unix socket, where nobody counts, when the server
   * has not read what has come.
   */
  readonly asks: boolean;
  /**
   * Milliseconds since the last byte in either direction; 0 on a Unix socket.
   */
  readonly quiet: number;
}

/** TCP_INFO of tcp(7) at IPPROTO_TCP, for getsockopt(2). */
const TCP = { level: 6, info: 11 } as const;

/** Members of `struct tcp_info` (linux/tcp.h), by their place in bytes. */
const INFO = {
  lastDataSent: 44,
  lastDataReceived: 52,
  bytesReceived: 128,
  dataSegmentsOut: 156,
  /** As many bytes as are read. */
  size: 160,
} as const;

/** Looks at the connections that came from some addresses. */
export interface ConnectionsView {
  /** Those that are open now. */
  open(): OpenConnection[];
  /** How many are open now: cheaper than to ask for what is known of them. */
  count(): number;
  /** Which ones are open now, no dearer than that. */
  list(): readonly Pick<OpenConnection, "fd" | "peer">[];
  /**
   * Has the server find that the client sends nothing more, so that it closes
   * the connection once it has sent what it still has to send. Nothing that
   * was received before is lost.
   *
   * @param last what the client is told before; nothing that the server says
   * may be under way then
   */
  hangUp(connection: Pick<OpenConnection, "fd">, last?: string): void;
}

/**
 * Looks at what an epoll instance watches, so that one read finds thousands of
 * connections, and keeps those that have the local port or path of the
 * listening socket: a program's own connections to elsewhere have another.
 *
 * @param sockets the descriptors of inherited sockets
 */
export function viewConnections(
  kernel: Kernel,
  epoll: number,
  ...sockets: readonly number[]
): ConnectionsView {
  const at = sockets.flatMap((socket) => boundAt(kernel, socket) ?? []);
  const known = new Map<number, Known>();
  const ours = (): Known[] => {
    const there = new Set<number>();
    const found: Known[] = [];
    for (const { fd, inode } of watchesOf(kernel, epoll)) {
      if (there.has(inode)) continue;
      there.add(inode);
      let one = known.get(inode);
      // The number of a socket that is gone may be used again.
      if (one?.fd !== fd) known.set(inode, one = learn(kernel, fd, at));
      if (one.ours) found.push(one);
    }
    for (const inode of known.keys()) {
      if (!there.has(inode)) known.delete(inode);
    }
    return found;
  };
  return {
    open: () =>
      ours().map(({ fd, peer }) => ({ fd, peer, ...timesOf(kernel, fd) })),
    count: () => ours().length,
    list: ours,
    hangUp({ fd }, last) {
      const { libc } = kernel;
      if (last !== undefined) {
        const bytes = cString(last);
        libc.send(fd, bytes, last.length, MSG_NOSIGNAL_DONTWAIT);
      }
      libc.shutdown(fd, SHUT.reading);
    },
  };
}

/** What stays the same of a watched descriptor. */
interface Known {
  readonly fd: number;
  readonly ours: boolean;
  readonly peer: string | undefined;
}

function learn(kernel: Kernel, fd: number, at: readonly BoundAt[]): Known {
  const own = boundAt(kernel, fd);
  const ours = at.some((each) => sameAddress(own, each)) &&
    optionOf(kernel.libc, fd, SO.acceptConn) === 0;
  return { fd, ours, peer: ours ? peerAt(kernel, fd) : undefined };
}

function peerAt({ libc }: Kernel, fd: number): string | undefined {
  const address = fixed(128);
  const size = sizeOf(address);
  return libc.getpeername(fd, address, size) < 0
    ? undefined
    : peerOfSockaddr(address);
}

// One buffer for the thousands of calls of one look. The length fits the lowest
// byte of its socklen_t.
const bytes = fixed(INFO.size);
const view = new DataView(bytes.buffer);
const length = sizeOf(bytes);

function timesOf(
  { libc }: Kernel,
  fd: number,
): Pick<OpenConnection, "asks" | "quiet"> {
  length[0] = INFO.size;
  if (libc.getsockopt(fd, TCP.level, TCP.info, bytes, length) < 0) {
    const unread = libc.recv(fd, bytes, 1, MSG_PEEK_DONTWAIT) > 0;
    return { asks: unread, quiet: 0 };
  }
  const sent = view.getUint32(INFO.lastDataSent, true);
  const received = view.getUint32(INFO.lastDataReceived, true);
  const hasAsked = view.getBigUint64(INFO.bytesReceived, true) > 0n;
  const wasAnswered = view.getUint32(INFO.dataSegmentsOut, true) > 0;
  return {
    asks: hasAsked && (!wasAnswered || received < sent),
    quiet: Math.min(sent, received),
  };
}
