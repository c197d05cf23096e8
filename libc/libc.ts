/**
 * libc as this library uses it on all three runtimes: its functions, its
 * numbers, and what is made of them. Linux only; every number is from the
 * kernel's asm-generic headers, which x86-64 and arm64 share.
 *
 * @module
 */

import os from "node:os";
import process from "node:process";
import type { Functions } from "./table.ts";

/**
 * libc as a runtime's foreign function interface presents it. Each function
 * returns what the C function returns: -1 is an error, and `errno` says which.
 * Buffers must not move: allocate them with {@linkcode fixed}.
 */
export interface Libc extends Functions {
  /** errno(3) of this thread, right after a call. */
  errno(): number;
  /** The address of the first byte of a buffer. */
  pointer(buffer: Uint8Array): bigint;
  /** The memory at an address that mmap(2) gave, which stays mapped. */
  memoryAt(address: number, bytes: number): ArrayBuffer;
}

/**
 * Passes libc on when a call whose answer is known is answered so: a runtime
 * may take words that it does not know without a word of its own (`node:ffi` of
 * Node 26.10 then calls without arguments).
 *
 * @throws {Error} when it is not
 */
export function proved<T extends Libc>(libc: T): T {
  const result = libc.fcntl(-1, F.getfd, 0);
  if (result === -1 && errorName(libc.errno()) === "EBADF") return libc;
  throw new Error(`this runtime calls it wrongly: fcntl gives ${result}`);
}

/**
 * Every number here is Linux's.
 *
 * @throws {Error} elsewhere
 */
export function requireLinux(): void {
  if (process.platform !== "linux") throw new Error("this is not Linux");
}

/** Address families (bits/socket.h). */
export const AF = { unix: 1, inet: 2, inet6: 10 } as const;

/** Types of socket(2), and the flags that go with them. */
export const SOCK = {
  stream: 1,
  dgram: 2,
  nonblock: 0o4000,
  cloexec: 0o2000000,
} as const;

/**
 * Levels and names of setsockopt(2): socket(7), tcp(7), ipv6(7), unix(7).
 */
export const SO = {
  socket: 1,
  reuseAddr: 2,
  reusePort: 15,
  rights: 1,
  tcp: 6,
  ipv6: 41,
  v6Only: 26,
  type: 3,
  attachFilter: 26,
  acceptConn: 30,
  domain: 39,
  attachReusePortEbpf: 52,
  detachReusePortBpf: 68,
} as const;

/** Commands of fcntl(2), and the flags that go with them. */
export const F = {
  getfd: 1,
  setfd: 2,
  getfl: 3,
  setfl: 4,
  setown: 8,
  setsig: 10,
  dupfdCloexec: 1030,
  addSeals: 1033,
  cloexec: 1,
  /** O_ASYNC */
  async: 0o20000,
} as const;

/** Flag of recv(2): never wait. */
export const MSG_DONTWAIT: number = 0x40;

/** Flags of send(2) and sendmsg(2): never a SIGPIPE, never wait. */
export const MSG_NOSIGNAL_DONTWAIT: number = 0x4000 | MSG_DONTWAIT;

/** Flags of recv(2): never wait, and leave what is read where it is. */
export const MSG_PEEK_DONTWAIT: number = 0x2 | MSG_DONTWAIT;

/** Flags of recvmsg(2): never wait, and children do not inherit what comes. */
export const MSG_RECEIVE: number = MSG_DONTWAIT | 0x40000000;

/** What shutdown(2) ends: it is about the socket and not about one copy of it. */
export const SHUT = { reading: 0, writing: 1 } as const;

/** Makes a buffer outside the garbage collector's heap, which never moves. */
export function fixed(bytes: number): Uint8Array<ArrayBuffer> {
  return new Uint8Array(new ArrayBuffer(bytes));
}

/** A text as C reads it, up to its NUL. */
export function cString(text: string): Uint8Array<ArrayBuffer> {
  const bytes = new TextEncoder().encode(text);
  const terminated = fixed(bytes.length + 1);
  terminated.set(bytes);
  return terminated;
}

/** The name of an error number, as in "EADDRINUSE". */
export function errorName(number: number): string {
  for (const [name, value] of Object.entries(os.constants.errno)) {
    if (value === number) return name;
  }
  return `errno ${number}`;
}

/** An error of a call into libc, shaped like those of Node. */
function systemError(number: number, call: string): Error {
  const code = errorName(number);
  return Object.assign(new Error(`${call} failed: ${code}`), {
    code,
    errno: -number,
    syscall: call,
  });
}

/**
 * Passes a result on, or throws what it stands for.
 *
 * @throws {Error} with `code`, when the result is -1
 */
export function checked(
  libc: Pick<Libc, "errno">,
  result: number,
  call: string,
): number {
  if (result < 0) throw systemError(libc.errno(), call);
  return result;
}

/** Makes a socket inheritable for one moment, or stops that again. */
export function setInheritable(libc: Libc, fd: number, on: boolean): void {
  checked(libc, libc.fcntl(fd, F.setfd, on ? 0 : F.cloexec), "fcntl");
}

/** Sets O_NONBLOCK, or not, which the whole open file description then has. */
export function setNonblocking(
  libc: Pick<Libc, "fcntl" | "errno">,
  fd: number,
  on = true,
): void {
  const flags = checked(libc, libc.fcntl(fd, F.getfl, 0), "fcntl");
  const wanted = on ? flags | SOCK.nonblock : flags & ~SOCK.nonblock;
  checked(libc, libc.fcntl(fd, F.setfl, wanted), "fcntl");
}

/**
 * Makes two sockets that are connected to each other; no child inherits them.
 *
 * @throws {Error} with `code`, when there are no descriptors left
 */
export function socketPair(
  libc: Pick<Libc, "socketpair" | "errno">,
): readonly [number, number] {
  const pair = fixed(8);
  checked(
    libc,
    libc.socketpair(AF.unix, SOCK.stream | SOCK.cloexec, 0, pair),
    "socketpair",
  );
  const view = new DataView(pair.buffer);
  return [view.getInt32(0, true), view.getInt32(4, true)];
}

/** Duplicates a file descriptor; children do not inherit the copy. */
export function duplicate(
  libc: Pick<Libc, "fcntl" | "errno">,
  fd: number,
): number {
  return checked(libc, libc.fcntl(fd, F.dupfdCloexec, 3), "fcntl");
}

/** The length of a buffer as a socklen_t for libc to read and write. */
export function sizeOf(buffer: Uint8Array): Uint8Array<ArrayBuffer> {
  const size = fixed(4);
  new DataView(size.buffer).setUint32(0, buffer.length, true);
  return size;
}

/**
 * An option of a socket that is a number, of SOL_SOCKET (socket(7)) unless
 * given; undefined where there is none.
 */
export function optionOf(
  libc: Pick<Libc, "getsockopt">,
  fd: number,
  name: number,
  level: number = SO.socket,
): number | undefined {
  const value = fixed(4);
  const length = sizeOf(value);
  if (libc.getsockopt(fd, level, name, value, length) < 0) return undefined;
  return new DataView(value.buffer).getInt32(0, true);
}

/**
 * Maps the beginning of a file into memory, for reading and writing, shared with
 * all who do so; for as long as this process lives.
 *
 * @throws {Error} with `code`, where it cannot be mapped
 */
export function mapShared(libc: Libc, fd: number, bytes: number): ArrayBuffer {
  // PROT_READ | PROT_WRITE, MAP_SHARED
  const address = libc.mmap(0, bytes, 1 | 2, 1, fd, 0);
  // MAP_FAILED is -1, which an address that is a number without sign is not.
  if (address < 0 || address > Number.MAX_SAFE_INTEGER) {
    throw systemError(libc.errno(), "mmap");
  }
  return libc.memoryAt(address, bytes);
}
