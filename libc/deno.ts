/**
 * libc as `Deno.dlopen` presents it. Needs `--allow-ffi`.
 *
 * @module
 */

import { type Libc, LIBC_NAMES } from "./libc.ts";

/** libc, and the calls of it that wait in a thread of their own. */
export interface DenoLibc extends Libc {
  /** poll(2) for as long as it takes. */
  poll(entries: Uint8Array, count: number): Promise<number>;
  /** epoll_wait(2) for as long as it takes. */
  epollWait(epoll: number, events: Uint8Array, count: number): Promise<number>;
}

const FUNCTIONS = {
  socket: { parameters: ["i32", "i32", "i32"], result: "i32" },
  setsockopt: {
    parameters: ["i32", "i32", "i32", "buffer", "u32"],
    result: "i32",
  },
  getsockopt: {
    parameters: ["i32", "i32", "i32", "buffer", "buffer"],
    result: "i32",
  },
  bind: { parameters: ["i32", "buffer", "u32"], result: "i32" },
  getsockname: { parameters: ["i32", "buffer", "buffer"], result: "i32" },
  getpeername: { parameters: ["i32", "buffer", "buffer"], result: "i32" },
  listen: { parameters: ["i32", "i32"], result: "i32" },
  accept4: { parameters: ["i32", "pointer", "pointer", "i32"], result: "i32" },
  fcntl: { parameters: ["i32", "i32", "i32"], result: "i32" },
  dup3: { parameters: ["i32", "i32", "i32"], result: "i32" },
  epoll_ctl: { parameters: ["i32", "i32", "i32", "buffer"], result: "i32" },
  close: { parameters: ["i32"], result: "i32" },
  socketpair: { parameters: ["i32", "i32", "i32", "buffer"], result: "i32" },
  sendmsg: { parameters: ["i32", "buffer", "i32"], result: "isize" },
  recvmsg: { parameters: ["i32", "buffer", "i32"], result: "isize" },
  recv: { parameters: ["i32", "buffer", "usize", "i32"], result: "isize" },
  shutdown: { parameters: ["i32", "i32"], result: "i32" },
  poll: {
    parameters: ["buffer", "usize", "i32"],
    result: "i32",
    nonblocking: true,
  },
  pollNow: {
    name: "poll",
    parameters: ["buffer", "usize", "i32"],
    result: "i32",
  },
  epoll_create1: { parameters: ["i32"], result: "i32" },
  epoll_wait: {
    parameters: ["i32", "buffer", "i32", "i32"],
    result: "i32",
    nonblocking: true,
  },
  __errno_location: { parameters: [], result: "pointer" },
} as const satisfies Deno.ForeignLibraryInterface;

/**
 * Opens libc.
 *
 * @throws {Error} when it is not where Linux has it, or not allowed
 */
export function openDenoLibc(): DenoLibc {
  const c = openDenoLibrary(FUNCTIONS).symbols;
  return {
    socket: c.socket,
    setsockopt: (fd, level, name, value, length) =>
      c.setsockopt(fd, level, name, owned(value), length),
    getsockopt: (fd, level, name, value, length) =>
      c.getsockopt(fd, level, name, owned(value), owned(length)),
    bind: (fd, address, length) => c.bind(fd, owned(address), length),
    getsockname: (fd, address, length) =>
      c.getsockname(fd, owned(address), owned(length)),
    getpeername: (fd, address, length) =>
      c.getpeername(fd, owned(address), owned(length)),
    listen: c.listen,
    accept4: (fd, flags) => c.accept4(fd, null, null, flags),
    fcntl: c.fcntl,
    dup3: c.dup3,
    epollCtl: (epoll, operation, fd, event) =>
      c.epoll_ctl(epoll, operation, fd, owned(event)),
    close: c.close,
    socketpair: (domain, type, protocol, pair) =>
      c.socketpair(domain, type, protocol, owned(pair)),
    sendmsg: (fd, header, flags) => Number(c.sendmsg(fd, owned(header), flags)),
    recvmsg: (fd, header, flags) => Number(c.recvmsg(fd, owned(header), flags)),
    recv: (fd, buffer, length, flags) =>
      Number(c.recv(fd, owned(buffer), BigInt(length), flags)),
    shutdown: c.shutdown,
    poll: (entries, count) => c.poll(owned(entries), BigInt(count), -1),
    pollNow: (entries, count) => c.pollNow(owned(entries), BigInt(count), 0),
    epollCreate: c.epoll_create1,
    epollWait: (epoll, events, count) =>
      c.epoll_wait(epoll, owned(events), count, -1),
    errno: () => new Deno.UnsafePointerView(c.__errno_location()!).getInt32(),
    pointer: (buffer) =>
      Deno.UnsafePointer.value(Deno.UnsafePointer.of(owned(buffer))),
  };
}

/**
 * Opens some functions of libc.
 *
 * @throws {Error} when it is not where Linux has it, or not allowed
 */
export function openDenoLibrary<T extends Deno.ForeignLibraryInterface>(
  functions: T,
): Deno.DynamicLibrary<T> {
  let failure: unknown;
  for (const name of LIBC_NAMES) {
    try {
      return Deno.dlopen(name, functions);
    } catch (error) {
      failure ??= error;
    }
  }
  throw failure;
}

/** Deno's types want to know that a buffer is not shared between threads. */
function owned(buffer: Uint8Array): Uint8Array<ArrayBuffer> {
  return buffer as Uint8Array<ArrayBuffer>;
}
