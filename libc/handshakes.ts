/**
 * The handshakes of TCP that are under way, as the kernel finds them (sock_diag(7),
 * linux/inet_diag.h). /proc/net/tcp has them too, among tens of thousands of
 * connections that have just ended, and takes as long to read.
 *
 * @module
 */

import { checked, fixed, type Libc, MSG_DONTWAIT, SOCK } from "./libc.ts";

/** Numbers of netlink(7) and sock_diag(7). */
const NETLINK = {
  family: 16,
  raw: 3,
  sockDiag: 4,
  /** SOCK_DIAG_BY_FAMILY */
  byFamily: 20,
  /** NLM_F_REQUEST and NLM_F_DUMP */
  dump: 0x301,
  error: 2,
  done: 3,
} as const;

/** `struct nlmsghdr`, and `struct inet_diag_req_v2` behind it. */
const HEADER = 16;
const REQUEST = HEADER + 56;

/** IPPROTO_TCP, and the bit of TCP_SYN_RECV (net/tcp_states.h). */
const TCP = 6;
const SYN_RECV = 1 << 3;

/** Where `struct inet_diag_msg` has the port: in the network's byte order. */
const PORT_AT = HEADER + 4;

/**
 * How many there are to ports of this network namespace.
 *
 * @param families those of the sockets that listen there
 * @throws {Error} with `code`, where the kernel does not say
 */
export function handshakesAt(
  libc: Libc,
  families: ReadonlySet<number>,
  ports: ReadonlySet<number>,
): number {
  const { family, raw, sockDiag } = NETLINK;
  const type = raw | SOCK.cloexec;
  const fd = checked(libc, libc.socket(family, type, sockDiag), "socket");
  try {
    let sum = 0;
    for (const each of families) sum += count(libc, fd, each, ports);
    return sum;
  } finally {
    libc.close(fd);
  }
}

function count(
  libc: Libc,
  fd: number,
  family: number,
  ports: ReadonlySet<number>,
): number {
  const request = fixed(REQUEST);
  const asked = new DataView(request.buffer);
  asked.setUint32(0, REQUEST, true);
  asked.setUint16(4, NETLINK.byFamily, true);
  asked.setUint16(6, NETLINK.dump, true);
  asked.setUint8(HEADER, family);
  asked.setUint8(HEADER + 1, TCP);
  asked.setUint32(HEADER + 4, SYN_RECV, true);
  checked(libc, libc.send(fd, request, REQUEST, 0), "send");
  const answer = fixed(32 * 1024);
  const view = new DataView(answer.buffer);
  for (let found = 0;;) {
    // The kernel has answered before send(2) returned.
    const length = libc.recv(fd, answer, answer.length, MSG_DONTWAIT);
    checked(libc, length, "recv");
    for (let at = 0; at + HEADER <= length;) {
      const type = view.getUint16(at + 4, true);
      if (type === NETLINK.done) return found;
      if (type === NETLINK.error) throw new Error("the kernel does not say");
      if (ports.has(view.getUint16(at + PORT_AT))) found++;
      at += (view.getUint32(at, true) + 3) & ~3;
    }
  }
}
