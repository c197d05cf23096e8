/**
 * What the core may ask of the machine and of the process that it runs in: a
 * part of the seam in `core/adapter.ts`.
 *
 * @module
 */

import type { AcceptQueues } from "./adapter/accept_queue.ts";
import type { Acceptors } from "./adapter/acceptors.ts";
import type { OwnSockets } from "./inherited/socket.ts";
import type { Files } from "./watch/file.ts";
import type { MemoryGroup, ProcessLook, ProcessUsage } from "./adapter/look.ts";
import type { CertificateFiles } from "./options/listener_features.ts";

/** Facts about the place where the supervisor runs. */
export interface Host extends Acceptors, AcceptQueues, Files, OwnSockets {
  /** The operating system, as `process.platform` names it. */
  readonly platform: string;
  /** The CPUs that affinity and cgroup quota grant to this process. */
  readonly cpus: number;
  /**
   * CPUs by their numbers as in "0-3,6" (cpuset(7), List Format): those that
   * affinity grants to this process, or all that this machine runs; undefined
   * where that cannot be seen.
   */
  cpuList(which: "granted" | "online"): string | undefined;
  /** True when this process' stdin is a terminal. */
  readonly terminal: boolean;
  /** This process' id. */
  readonly pid: number;
  /** This process' environment. */
  readonly env: Readonly<Record<string, string | undefined>>;
  /** The executable of this process' runtime. */
  readonly execPath: string;
  /**
   * The module that a worker loads before its program: an absolute path, or a
   * URL where this package does not lie on a disk.
   */
  readonly preload: string;
  /** Where an executable is in PATH, or undefined. */
  which(name: string): string | undefined;
  /** True when a file is there. */
  exists(path: string): boolean;
  /**
   * An absolute path without links to what a path leads to now (realpath(3)), or
   * undefined when there is nothing.
   */
  real(path: string): string | undefined;
  /** The text of a file; throws what the system says. */
  text(path: string): string;
  /** The first 16 KiB of a file, or undefined when it cannot be read. */
  head(path: string): string | undefined;
  /**
   * The runtime that was made one file with its program (`node --build-sea`,
   * `bun build --compile`); undefined for any other file.
   */
  executable(path: string): "node" | "bun" | undefined;
  /**
   * Why nobody can execute what is at a path, as the rest of a sentence;
   * undefined where that is not known.
   */
  programProblem(path: string): string | undefined;
  /**
   * A path that begins where this process was started, as an absolute one: by
   * the name that the place was given then, so that a link which points
   * elsewhere by now leads there.
   */
  resolve(path: string): string;
  /**
   * Why a certificate cannot be used with its key, as the rest of a sentence;
   * undefined when it can.
   */
  certificateProblem(files: CertificateFiles): string | undefined;
  /**
   * The path of a directory for compiled code that nobody else can write into,
   * made when it is not there; one of this user's own unless one is given.
   *
   * @param uid the user whose it is and who can write into it, in place of this
   * process' own
   * @throws {Error} when it cannot be used; its message is the reason
   */
  cacheDirectory(given?: string, uid?: number): string;
  /**
   * The path of a directory for files of processes, in which nobody else can
   * write, made when it is not there.
   *
   * @param uid the user whose it is, in place of this process' own
   * @throws {Error} when there is none; its message is the reason
   */
  privateDirectory(uid?: number): string;
  /**
   * True when a process may do all that this one may: it runs as the same user
   * and has its capabilities, but for those that no worker is given. True as well
   * where that cannot be known.
   */
  hasRights(pid: number): boolean;
  /**
   * The resident set of a process in bytes, of this one unless told which;
   * undefined where it cannot be known, or the process is gone.
   */
  rss(pid?: number): number | undefined;
  /**
   * The cgroup in which the memory of a process counts, of this one unless told
   * which; undefined where there is none.
   */
  memoryGroup(pid?: number): MemoryGroup | undefined;
  /**
   * What a process does at this moment; undefined where the system does not
   * show it.
   */
  look(pid: number): ProcessLook | undefined;
  /**
   * The state of a process' main thread, as in {@linkcode ProcessLook}; undefined
   * where the system does not show it.
   */
  state(pid: number): string | undefined;
  /**
   * What a process has used, up to a quarter of a second ago; undefined where
   * the system does not show it.
   */
  usage(pid: number): ProcessUsage | undefined;
  /**
   * The stack of a process whose event loop does not turn, as one line of at most
   * some 800 characters, the innermost call first; undefined where it cannot be
   * had in so many ms. Leaves a debugger's port open in one on Node, which has to
   * be killed after it; one on Deno must have been started with its own.
   */
  stack(
    pid: number,
    ms: number,
    runtime: "node" | "deno",
  ): Promise<string | undefined>;
  /** A number among the kernel's settings (sysctl(8)), where there is one. */
  sysctl(name: string): number | undefined;
  /** A number in [0, 1). */
  random(): number;
}
