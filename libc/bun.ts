/**
 * libc as `bun:ffi` presents it.
 *
 * @module
 */

import { createRequire } from "node:module";
import { type Libc, LIBC_NAMES } from "./libc.ts";

/** A function of a native library in `bun:ffi`. */
interface BunFfiFunction {
  /** The types of its arguments. */
  readonly args: readonly string[];
  /** The type of its result. */
  readonly returns: string;
}

/** The module `bun:ffi`. */
interface BunFfi {
  /** Opens a native library. */
  dlopen(
    name: string,
    functions: Record<string, BunFfiFunction>,
  ): {
    readonly symbols: Record<string, (...args: unknown[]) => number | bigint>;
  };
  /** The address of a buffer. */
  ptr(buffer: Uint8Array): number;
  /** Reads memory. */
  readonly read: { i32(pointer: number, offset: number): number };
}

/** libc, and what Bun asks instead of waiting. */
export interface BunLibc extends Libc {
  /** epoll_wait(2) that does not wait: how many events there are now. */
  epollReady(epoll: number, events: Uint8Array, count: number): number;
}

const FUNCTIONS = {
  socket: { args: ["i32", "i32", "i32"], returns: "i32" },
  setsockopt: { args: ["i32", "i32", "i32", "ptr", "u32"], returns: "i32" },
  getsockopt: { args: ["i32", "i32", "i32", "ptr", "ptr"], returns: "i32" },
  bind: { args: ["i32", "ptr", "u32"], returns: "i32" },
  getsockname: { args: ["i32", "ptr", "ptr"], returns: "i32" },
  getpeername: { args: ["i32", "ptr", "ptr"], returns: "i32" },
  listen: { args: ["i32", "i32"], returns: "i32" },
  accept4: { args: ["i32", "ptr", "ptr", "i32"], returns: "i32" },
  fcntl: { args: ["i32", "i32", "i32"], returns: "i32" },
  dup3: { args: ["i32", "i32", "i32"], returns: "i32" },
  epoll_create1: { args: ["i32"], returns: "i32" },
  epoll_wait: { args: ["i32", "ptr", "i32", "i32"], returns: "i32" },
  epoll_ctl: { args: ["i32", "i32", "i32", "ptr"], returns: "i32" },
  close: { args: ["i32"], returns: "i32" },
  socketpair: { args: ["i32", "i32", "i32", "ptr"], returns: "i32" },
  sendmsg: { args: ["i32", "ptr", "i32"], returns: "i64_fast" },
  recvmsg: { args: ["i32", "ptr", "i32"], returns: "i64_fast" },
  recv: { args: ["i32", "ptr", "u64_fast", "i32"], returns: "i64_fast" },
  shutdown: { args: ["i32", "i32"], returns: "i32" },
  poll: { args: ["ptr", "u64_fast", "i32"], returns: "i32" },
  __errno_location: { args: [], returns: "ptr" },
} as const;

/**
 * Opens libc.
 *
 * @throws {Error} when it is not where Linux has it
 */
export function openBunLibc(): BunLibc {
  // By require, so that only Bun ever looks for a module of that name.
  const ffi = createRequire(import.meta.url)("bun:ffi") as BunFfi;
  const symbols = open(ffi);
  const call = (name: keyof typeof FUNCTIONS, ...args: unknown[]): number =>
    Number(symbols[name]!(...args));
  return {
    socket: (...args) => call("socket", ...args),
    setsockopt: (...args) => call("setsockopt", ...args),
    getsockopt: (...args) => call("getsockopt", ...args),
    bind: (...args) => call("bind", ...args),
    getsockname: (...args) => call("getsockname", ...args),
    getpeername: (...args) => call("getpeername", ...args),
    listen: (...args) => call("listen", ...args),
    accept4: (fd, flags) => call("accept4", fd, null, null, flags),
    fcntl: (...args) => call("fcntl", ...args),
    dup3: (...args) => call("dup3", ...args),
    epollCreate: (flags) => call("epoll_create1", flags),
    epollReady: (...args) => Math.max(0, call("epoll_wait", ...args, 0)),
    epollCtl: (...args) => call("epoll_ctl", ...args),
    close: (fd) => call("close", fd),
    socketpair: (...args) => call("socketpair", ...args),
    sendmsg: (...args) => call("sendmsg", ...args),
    recvmsg: (...args) => call("recvmsg", ...args),
    recv: (...args) => call("recv", ...args),
    shutdown: (...args) => call("shutdown", ...args),
    pollNow: (...args) => call("poll", ...args, 0),
    errno: () => ffi.read.i32(call("__errno_location"), 0),
    pointer: (buffer) => BigInt(ffi.ptr(buffer)),
  };
}

function open(ffi: BunFfi): ReturnType<BunFfi["dlopen"]>["symbols"] {
  let failure: unknown;
  for (const name of LIBC_NAMES) {
    try {
      return ffi.dlopen(name, FUNCTIONS).symbols;
    } catch (error) {
      failure ??= error;
    }
  }
  throw failure;
}
