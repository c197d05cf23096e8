/**
 * The system call that a thread is in, by its name (proc_pid_syscall(5)).
 *
 * @module
 */

import process from "node:process";

/**
 * Calls in which a program can wait for long: the kernel's numbers on x86-64
 * (arch/x86/entry/syscalls/syscall_64.tbl) and on all newer architectures
 * (include/uapi/asm-generic/unistd.h).
 */
const NAMES: Readonly<Record<string, Readonly<Record<number, string>>>> = {
  x64: {
    ...{ 0: "read", 1: "write", 7: "poll", 16: "ioctl", 17: "pread64" },
    ...{ 18: "pwrite64", 19: "readv", 20: "writev", 23: "select" },
    ...{ 35: "nanosleep" },
    ...{ 42: "connect", 43: "accept", 44: "sendto", 45: "recvfrom" },
    ...{ 46: "sendmsg", 47: "recvmsg", 61: "wait4", 72: "fcntl" },
    ...{ 73: "flock", 74: "fsync", 75: "fdatasync", 202: "futex" },
    ...{ 230: "clock_nanosleep", 232: "epoll_wait", 247: "waitid" },
    ...{ 257: "openat", 270: "pselect6", 271: "ppoll", 281: "epoll_pwait" },
    ...{ 288: "accept4", 426: "io_uring_enter", 441: "epoll_pwait2" },
  },
  arm64: {
    ...{ 22: "epoll_pwait", 25: "fcntl", 29: "ioctl", 32: "flock" },
    ...{ 56: "openat", 63: "read", 64: "write", 65: "readv", 66: "writev" },
    ...{ 67: "pread64", 68: "pwrite64", 72: "pselect6", 73: "ppoll" },
    ...{ 82: "fsync", 83: "fdatasync", 95: "waitid", 98: "futex" },
    ...{ 101: "nanosleep", 115: "clock_nanosleep", 202: "accept" },
    ...{ 203: "connect", 206: "sendto", 207: "recvfrom", 211: "sendmsg" },
    ...{ 212: "recvmsg", 242: "accept4", 260: "wait4" },
    ...{ 426: "io_uring_enter", 441: "epoll_pwait2" },
  },
};

/** Those whose first argument is no file of the process. */
const WITHOUT_FILE =
  /^(?:poll|ppoll|select|pselect6|nanosleep|clock_nanosleep|wait4|waitid|futex|openat)$/;

/**
 * Names the call in the text of /proc/PID/syscall, and its file where it has
 * one; undefined when the thread is in none, or that is not shown.
 *
 * @param link what the number of a file stands for
 */
export function syscallIn(
  text: string | undefined,
  link: (fd: number) => string | undefined,
): string | undefined {
  const call = callIn(text);
  if (call === undefined) return undefined;
  const { number, name, words: [first = NaN] } = call;
  if (name === undefined) return `number ${number}`;
  if (WITHOUT_FILE.test(name)) return name;
  const file = link(first);
  return file === undefined ? name : `${name} of ${file}`;
}

/** A call, and what it was called with. */
export interface SystemCall {
  /** Its number. */
  readonly number: number;
  /** Its name, where it is one in which a program waits. */
  readonly name: string | undefined;
  /** Its arguments; addresses have fewer than 53 bits. */
  readonly words: readonly number[];
}

/** The call in such a text; undefined when the thread is in none. */
export function callIn(text: string | undefined): SystemCall | undefined {
  const [first = "", ...rest] = text?.trim().split(" ") ?? [];
  if (!/^\d+$/.test(first)) return undefined;
  const number = Number(first);
  const name = NAMES[process.arch]?.[number];
  return { number, name, words: rest.slice(0, 6).map(Number) };
}
