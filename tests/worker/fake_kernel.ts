/**
 * A process with sockets and epoll instances as a graft sees them, which can be
 * made to behave in unexpected ways.
 *
 * @module
 */
import type { Kernel } from "../../worker/graft/kernel.ts";
import type { BoundAt } from "../../worker/graft/sockets.ts";

const { errno } = (await import("node:os")).constants;

/** An open file; descriptors share it. */
interface File {
  readonly inode: number;
  readonly socket?: FakeSocket;
  readonly watches?: Entry[];
}

/** A socket. */
export interface FakeSocket {
  readonly domain: number;
  readonly type: number;
  readonly at: BoundAt;
  listens: boolean;
  backlog?: number;
  /** TCP_DEFER_ACCEPT, in seconds. */
  defer?: number;
  flags?: number;
}

interface Entry {
  readonly fd: number;
  readonly file: File;
  readonly events: number;
  readonly data: bigint;
}

/** What a call into libc does instead; true for the call as it is. */
export type Fault = (...args: readonly number[]) => true | number;

/** The process. */
export interface FakeProcess {
  readonly kernel: Kernel;
  /** Opens a socket. */
  socket(socket: FakeSocket): number;
  /** Opens an epoll instance. */
  epoll(): number;
  /** Another descriptor of the same file. */
  duplicate(fd: number): number;
  /** Watches a descriptor. */
  watch(epoll: number, fd: number, events: number, data: bigint): void;
  /** Another process opens what a descriptor stands for. */
  share(fd: number): void;
  /** Closes a descriptor. */
  close(fd: number): void;
  /** Has a function of libc misbehave. */
  fault(name: keyof Kernel["libc"], fault: Fault): void;
  /** What an epoll instance watches: descriptor, events, data. */
  watched(epoll: number): (readonly [number, number, bigint])[];
  /** The socket that a descriptor stands for. */
  at(fd: number): FakeSocket | undefined;
  /** True for a descriptor that programs do not inherit. */
  cloexec(fd: number): boolean;
}

/** Starts with descriptors 0 to 2. `packed` as on x86-64. */
export function fakeProcess(packed = true): FakeProcess {
  const files = new Map<number, File>();
  const flags = new Map<number, number>();
  const shared = new Set<File>();
  const faults = new Map<string, Fault>();
  let lastInode = 1000;
  let lastError = 0;
  let next = 3;
  const open = (file: Omit<File, "inode">): number => {
    files.set(next, { inode: ++lastInode, ...file });
    flags.set(next, 1);
    return next++;
  };
  const fails = (number: number): number => {
    lastError = number;
    return -1;
  };
  const close = (fd: number): void => {
    const file = files.get(fd);
    files.delete(fd);
    if (file === undefined || shared.has(file)) return;
    if ([...files.values()].includes(file)) return;
    for (const { watches } of files.values()) {
      const kept = watches?.filter((each) => each.file !== file) ?? [];
      watches?.splice(0, watches.length, ...kept);
    }
  };
  const call = (
    name: string,
    args: readonly number[],
    run: () => number,
  ): number => {
    const result = faults.get(name)?.(...args) ?? true;
    return result === true ? run() : result < 0 ? fails(-result) : result;
  };
  const socketOf = (fd: number): FakeSocket | undefined =>
    files.get(fd)?.socket;
  const view = (bytes: Uint8Array): DataView => new DataView(bytes.buffer);

  const kernel: Kernel = {
    packed,
    descriptors: () => [0, 1, 2, ...files.keys()],
    openFiles: () => 3 + files.size,
    target(fd) {
      const file = files.get(fd);
      if (file === undefined) return fd < 3 ? "/dev/null" : undefined;
      return file.socket === undefined
        ? "anon_inode:[eventpoll]"
        : `socket:[${file.inode}]`;
    },
    info: (fd) =>
      files.get(fd)?.watches?.map(({ fd, events, data, file }) =>
        `tfd: ${String(fd).padStart(8)} events: ${
          events.toString(16).padStart(8)
        } data: ${data.toString(16).padStart(16)}  pos:0 ino:${
          file.inode.toString(16)
        } sdev:9\n`
      ).join(""),
    libc: {
      errno: () => lastError,
      fcntl: (fd, command, argument) =>
        call("fcntl", [fd, command, argument], () => {
          const socket = socketOf(fd);
          if (command === 1) return flags.get(fd)!;
          if (command === 3) return socket!.flags ?? 2;
          if (command === 4) socket!.flags = argument;
          return 0;
        }),
      listen: (fd, backlog) =>
        call("listen", [fd, backlog], () => {
          Object.assign(socketOf(fd)!, { listens: true, backlog });
          return 0;
        }),
      dup3: (from, to, flag) =>
        call("dup3", [from, to, flag], () => {
          close(to);
          files.set(to, files.get(from)!);
          flags.set(to, flag === 0 ? 0 : 1);
          return to;
        }),
      epoll_ctl: (epoll, operation, fd, event) =>
        call("epoll_ctl", [epoll, operation, fd], () => {
          const watches = files.get(epoll)!.watches!;
          const file = files.get(fd)!;
          const at = watches.findIndex((each) =>
            each.fd === fd && each.file === file
          );
          if (operation === 2) {
            if (at < 0) return fails(errno.ENOENT);
            watches.splice(at, 1);
            return 0;
          }
          if (at >= 0) return fails(errno.EEXIST);
          const events = view(event).getUint32(0, true);
          const data = view(event).getBigUint64(packed ? 4 : 8, true);
          watches.push({ fd, file, events, data });
          return 0;
        }),
      getsockopt(fd, _level, name, value) {
        const socket = socketOf(fd);
        if (socket === undefined) return fails(errno.ENOTSOCK);
        const known: Record<number, number> = {
          3: socket.type,
          30: Number(socket.listens),
          39: socket.domain,
          9: socket.defer ?? 0,
        };
        view(value).setInt32(0, known[name]!, true);
        return 0;
      },
      getsockname(fd, address, length) {
        const socket = socketOf(fd)!;
        view(address).setUint16(0, socket.domain, true);
        if ("port" in socket.at) view(address).setUint16(2, socket.at.port);
        else {
          const path = new TextEncoder().encode(socket.at.path);
          address.set(path, 2);
          const end = socket.at.path.startsWith("\0") ? 2 : 3;
          view(length).setUint32(0, end + path.length, true);
        }
        return 0;
      },
      setsockopt(fd, _level, name, value) {
        if (name === 9) socketOf(fd)!.defer = view(value).getInt32(0, true);
        return 0;
      },
      shutdown: () => fails(errno.ENOTCONN),
      poll: () => 0,
      close: (fd) => {
        close(fd);
        return 0;
      },
      send: (_fd: number, _bytes: Uint8Array, size: number) => size,
      recv: () => fails(errno.ENOTCONN),
      getpeername: () => fails(errno.ENOTCONN),
    },
  };

  return {
    kernel,
    socket: (socket) => open({ socket }),
    duplicate(fd) {
      files.set(next, files.get(fd)!);
      flags.set(next, 1);
      return next++;
    },
    epoll: () => open({ watches: [] }),
    watch(epoll, fd, events, data) {
      const file = files.get(fd)!;
      files.get(epoll)!.watches!.push({ fd, file, events, data });
    },
    share: (fd) => void shared.add(files.get(fd)!),
    close,
    fault: (name, fault) => void faults.set(name, fault),
    watched: (epoll) =>
      files.get(epoll)!.watches!.map(({ fd, events, data }) =>
        [fd, events, data] as const
      ),
    at: socketOf,
    cloexec: (fd) => flags.get(fd) === 1,
  };
}
