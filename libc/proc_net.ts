/**
 * The sockets that the kernel lists in /proc/net (proc_net(5)), and how it names
 * one that a process has open.
 *
 * @module
 */

/** Reads a file of /proc; undefined when there is none. */
export type ReadProc = (path: string) => string | undefined;

/** One row of /proc/net/tcp, tcp6, udp or udp6. */
export interface InternetSocket {
  /** The number of the socket; 0 when it has no file any more. */
  readonly inode: number;
  /** Where it is bound: 8 hex digits, or 32 for IPv6. */
  readonly host: string;
  /** The port that it is bound to. */
  readonly port: number;
  /** True when it is open to any client: it listens, or is not connected. */
  readonly listens: boolean;
  /** True for a connection whose handshake is under way. */
  readonly shakes: boolean;
  /** What waits to be read; of one that listens, connections to be accepted. */
  readonly queued: number;
  /** How many datagrams found no room, of UDP alone. */
  readonly drops: number;
}

/** One row of /proc/net/unix. */
export interface UnixSocket {
  /** The number of the socket; 0 when it has no file any more. */
  readonly inode: number;
  /** Its path; an abstract name begins with `@`, and "" is none. */
  readonly path: string;
  /** SOCK_STREAM and the like, as a number. */
  readonly type: number;
  /** True when connections can be accepted from it. */
  readonly listens: boolean;
  /** True for a connection that has not been accepted yet. */
  readonly waits: boolean;
}

/** TCP_LISTEN and TCP_CLOSE of the kernel (net/tcp_states.h). */
const OPEN_TO_ALL = { tcp: "0A", udp: "07" } as const;

/** TCP_SYN_RECV of the kernel (net/tcp_states.h). */
const SHAKES = "03";

/** __SO_ACCEPTCON of the kernel (linux/net.h), in the flags of a Unix socket. */
const ACCEPTS = 0x10000;

/** SS_CONNECTING of the kernel (linux/net.h). */
const CONNECTING = "02";

/** All TCP sockets of the network namespace; none where there is no table. */
export function tcpSockets(read: ReadProc): InternetSocket[] {
  return internetSockets("tcp", read);
}

/** All UDP sockets of the network namespace; none where there is no table. */
export function udpSockets(read: ReadProc): InternetSocket[] {
  return internetSockets("udp", read);
}

function internetSockets(
  protocol: "tcp" | "udp",
  read: ReadProc,
): InternetSocket[] {
  return [`/proc/net/${protocol}`, `/proc/net/${protocol}6`].flatMap((file) =>
    // sl local remote state tx:rx tr:when retrnsmt uid timeout inode
    // ref pointer drops
    rows(read(file)).map(
      ([, local = "", , state, queues = "", , , , , inode, , , drops]) => {
        const [host = "", port = ""] = local.split(":");
        return {
          inode: Number(inode),
          host,
          port: parseInt(port, 16),
          listens: state === OPEN_TO_ALL[protocol],
          shakes: protocol === "tcp" && state === SHAKES,
          queued: parseInt(queues.split(":")[1] ?? "", 16),
          drops: Number(drops),
        };
      },
    )
  );
}

/** All Unix sockets of the network namespace; none where there is no table. */
export function unixSockets(read: ReadProc): UnixSocket[] {
  // Num RefCount Protocol Flags Type St Inode Path
  return rows(read("/proc/net/unix")).map((columns) => ({
    inode: Number(columns[6]),
    path: columns.slice(7).join(" "),
    type: parseInt(columns[4] ?? "", 16),
    listens: (parseInt(columns[3] ?? "", 16) & ACCEPTS) !== 0,
    waits: columns[5] === CONNECTING,
  }));
}

/**
 * The number of a socket in the target of a link in /proc/PID/fd, as in
 * "socket:[4711]"; undefined when that is none.
 */
export function inodeIn(target: string | undefined): number | undefined {
  const inode = /^socket:\[(\d+)\]$/.exec(target ?? "")?.[1];
  return inode === undefined ? undefined : Number(inode);
}

/** A table without its heading. */
function rows(text = ""): string[][] {
  return text.split("\n").slice(1)
    .map((line) => line.trim().split(/\s+/))
    .filter((columns) => columns.length > 1);
}
