/**
 * The functions of libc that are called, once for all runtimes: what each
 * takes and gives, in C's own words (see the manual page of its name), and what
 * the openers of the runtimes make of that.
 *
 * @module
 */

/**
 * The types of C that matter here, on 64-bit Linux: `int` and `unsigned int`
 * have 32 bits, `size_t` and `ssize_t` (and `off_t` and `nfds_t`, which are as
 * long) have 64. A `buffer` is memory of ours that does not move; an `address`
 * is memory of libc, or 0 for none.
 */
export type CType = "int" | "uint" | "size" | "ssize" | "buffer" | "address";

/** What a function takes, in order, and what it gives back. */
export interface Signature {
  /** The types of its arguments. */
  readonly takes: readonly CType[];
  /** The type of its result. */
  readonly gives: CType;
}

/** The functions by their names. */
export const FUNCTIONS = {
  // Sockets.
  socket: { takes: ["int", "int", "int"], gives: "int" },
  socketpair: { takes: ["int", "int", "int", "buffer"], gives: "int" },
  bind: { takes: ["int", "buffer", "uint"], gives: "int" },
  listen: { takes: ["int", "int"], gives: "int" },
  accept4: { takes: ["int", "address", "address", "int"], gives: "int" },
  shutdown: { takes: ["int", "int"], gives: "int" },
  getsockname: { takes: ["int", "buffer", "buffer"], gives: "int" },
  getpeername: { takes: ["int", "buffer", "buffer"], gives: "int" },
  getsockopt: {
    takes: ["int", "int", "int", "buffer", "buffer"],
    gives: "int",
  },
  setsockopt: { takes: ["int", "int", "int", "buffer", "uint"], gives: "int" },
  send: { takes: ["int", "buffer", "size", "int"], gives: "ssize" },
  recv: { takes: ["int", "buffer", "size", "int"], gives: "ssize" },
  sendmsg: { takes: ["int", "buffer", "int"], gives: "ssize" },
  recvmsg: { takes: ["int", "buffer", "int"], gives: "ssize" },

  // Waiting.
  poll: { takes: ["buffer", "size", "int"], gives: "int" },
  epoll_create1: { takes: ["int"], gives: "int" },
  epoll_ctl: { takes: ["int", "int", "int", "buffer"], gives: "int" },
  epoll_wait: { takes: ["int", "buffer", "int", "int"], gives: "int" },

  // File descriptors and files.
  fcntl: { takes: ["int", "int", "int"], gives: "int" },
  dup3: { takes: ["int", "int", "int"], gives: "int" },
  open: { takes: ["buffer", "int"], gives: "int" },
  close: { takes: ["int"], gives: "int" },
  read: { takes: ["int", "buffer", "size"], gives: "ssize" },
  write: { takes: ["int", "buffer", "size"], gives: "ssize" },
  pread: { takes: ["int", "buffer", "size", "ssize"], gives: "ssize" },
  pwrite: { takes: ["int", "buffer", "size", "ssize"], gives: "ssize" },
  ftruncate: { takes: ["int", "ssize"], gives: "int" },
  mmap: {
    takes: ["address", "size", "int", "int", "int", "ssize"],
    gives: "address",
  },
  memfd_create: { takes: ["buffer", "uint"], gives: "int" },
  statx: { takes: ["int", "buffer", "int", "uint", "buffer"], gives: "int" },
  readlink: { takes: ["buffer", "buffer", "size"], gives: "ssize" },
  opendir: { takes: ["buffer"], gives: "address" },
  readdir: { takes: ["address"], gives: "address" },
  closedir: { takes: ["address"], gives: "int" },

  // Time.
  clock_gettime: { takes: ["int", "buffer"], gives: "int" },

  // Processes.
  waitpid: { takes: ["int", "address", "int"], gives: "int" },
  prctl: { takes: ["int", "size", "size", "size", "size"], gives: "int" },
  sigprocmask: { takes: ["int", "buffer", "address"], gives: "int" },

  // Of syscall(2) itself: what libc has no function for, or has it since late.
  // It takes as many as the call does, and none of those here takes more.
  syscall: {
    takes: ["ssize", "ssize", "ssize", "ssize", "ssize"],
    gives: "ssize",
  },

  // Where this thread has its errno.
  __errno_location: { takes: [], gives: "address" },
} as const;

/** The name of a function. */
export type FunctionName = keyof typeof FUNCTIONS;

type Takes<Types extends readonly CType[]> = {
  -readonly [I in keyof Types]: Types[I] extends "buffer" ? Uint8Array : number;
};

/** The functions as they are called: numbers and buffers in, a number out. */
export type Functions = {
  readonly [Name in FunctionName]: (
    ...args: Takes<typeof FUNCTIONS[Name]["takes"]>
  ) => number;
};

/** A function as a runtime opens it. */
export type Callable = (...args: never[]) => number | bigint;

/**
 * Opens each function when it is first asked for: to open one costs as much as
 * hundreds of calls, and no process needs them all.
 *
 * @param open the runtime's own part; throws where there is no such function
 */
export function functionsBy(
  open: (name: FunctionName, signature: Signature) => Callable,
): Functions {
  const functions = {};
  const table: Readonly<Record<string, Signature>> = FUNCTIONS;
  for (const [name, signature] of Object.entries(table)) {
    const define = (member: PropertyDescriptor): unknown =>
      Object.defineProperty(functions, name, {
        ...member,
        configurable: true,
        enumerable: true,
      });
    define({
      get: () => {
        const value = open(name as FunctionName, signature);
        define({ value });
        return value;
      },
    });
  }
  return functions as Functions;
}

/** True for a type that some runtimes want and give as a bigint. */
export function isWide(type: CType): boolean {
  return type === "size" || type === "ssize" || type === "address";
}

/** Where libc is, by the names of glibc and of musl. */
const FILES = [
  "libc.so.6",
  "libc.musl-x86_64.so.1",
  "libc.musl-aarch64.so.1",
] as const;

/**
 * Opens the first libc that can be.
 *
 * @throws whatever the first attempt threw, when none can
 */
export function fromLibc<T>(open: (file: string) => T): T {
  let failure: unknown;
  for (const file of FILES) {
    try {
      return open(file);
    } catch (error) {
      failure ??= error;
    }
  }
  throw failure;
}
