/**
 * What a graft asks the kernel: libc for changes, proc(5) for looking. One
 * seam, so that tests can play a kernel that behaves in unexpected ways.
 *
 * @module
 */

import fs from "node:fs";
import process from "node:process";
import { openBunLibc } from "../../adapters/_bun_libc.ts";
import { openDenoLibc } from "../../adapters/_deno_libc.ts";
import type { Libc } from "../../adapters/_libc.ts";
import { openDenoProc, type Proc } from "./deno_proc.ts";

/** The functions of libc that a graft calls. */
export type GraftLibc = Pick<
  Libc,
  | "dup3"
  | "epollCtl"
  | "errno"
  | "fcntl"
  | "getpeername"
  | "getsockname"
  | "getsockopt"
  | "listen"
  | "setsockopt"
  | "shutdown"
>;

/** The kernel as a graft sees it. */
export interface Kernel {
  /** Calls into libc. */
  readonly libc: GraftLibc;
  /**
   * True where `struct epoll_event` has no padding, which is so on x86-64
   * alone (sys/epoll.h, `__EPOLL_PACKED`).
   */
  readonly packed: boolean;
  /** The open file descriptors of this process. */
  descriptors(): number[];
  /** What a descriptor is, as in "socket:[4711]"; undefined when not open. */
  target(fd: number): string | undefined;
  /** `/proc/self/fdinfo/<fd>`; undefined when not open. */
  info(fd: number): string | undefined;
}

/**
 * Opens the kernel of this process.
 *
 * @throws {Error} when libc cannot be opened
 */
export function openKernel(): Kernel {
  const onBun = process.versions["bun"] !== undefined;
  const proc = onBun ? PROC : openDenoProc();
  return {
    libc: onBun ? openBunLibc() : openDenoLibc(),
    packed: process.arch === "x64",
    descriptors: () => proc.list("/proc/self/fd").map(Number),
    target: (fd) => proc.link(`/proc/self/fd/${fd}`),
    info: (fd) => proc.read(`/proc/self/fdinfo/${fd}`),
  };
}

const PROC: Proc = {
  list: (path) => fs.readdirSync(path),
  link: (path) => ifThere(() => fs.readlinkSync(path)),
  read: (path) => ifThere(() => fs.readFileSync(path, "utf8")),
};

function ifThere(read: () => string): string | undefined {
  try {
    return read();
  } catch (error) {
    // The directory that was just read had a descriptor of its own.
    if ((error as { code?: unknown }).code === "ENOENT") return undefined;
    throw error;
  }
}
