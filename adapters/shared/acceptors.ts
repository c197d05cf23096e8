/**
 * Whether the processes of a worker wait for connections on the pool's sockets,
 * from proc(5) of Linux: which call each thread is in, and of which files.
 *
 * A program that loads runs, or waits for a disk or a database. One that serves
 * is in accept(2) of the socket, or in epoll_wait(2), poll(2) or select(2) with
 * the socket among their files.
 *
 * @module
 */

import { closeSync, openSync, readSync } from "node:fs";
import type { Acceptors, AcceptorsLook } from "../../core/adapter/acceptors.ts";
import { formatAddress } from "../../core/options/address.ts";
import { POLL_ENTRY } from "../../libc/poll.ts";
import { inodeIn, tcpSockets, unixSockets } from "../../libc/proc_net.ts";
import { readable } from "./inherited.ts";
import { inodeAt, linkProc, listProc, readProc } from "./proc.ts";
import { processes } from "./processes.ts";
import { callIn } from "./syscall.ts";

/** The sockets of a process: their numbers there, and what they are. */
type Files = ReadonlyMap<number, number>;

/** As many files are read of a call; nobody listens on more. */
const MAX_FILES = 1024;

/** Looks at the machine's processes. */
export const acceptors: Acceptors = {
  acceptors(sockets, session) {
    const inodes = sockets.map(inodeAt);
    const found = processes.ofSession(session);
    if (found.length === 0 || inodes.includes(undefined)) return undefined;
    const held = new Set<number>();
    const waited = new Set<number>();
    let hidden: "" | "has" | "waits" = "";
    for (const { pid, state } of found) {
      const files = socketsIn(pid);
      // What runs as another user may have anything, which is shown to nobody
      // without CAP_SYS_PTRACE. Whoever has become another user has loaded, so
      // one that sleeps waits for clients.
      if (files === undefined) {
        if (state === "S") hidden = "waits";
        hidden ||= "has";
        continue;
      }
      for (const inode of files.values()) held.add(inode);
      if (inodes.some((inode) => held.has(inode!))) {
        for (const inode of waitedBy(pid, files)) waited.add(inode);
      }
    }
    const seen = inodes.map((inode) =>
      waited.has(inode!) || hidden === "waits"
        ? "waits"
        : held.has(inode!) || hidden === "has"
        ? "has"
        : "closed"
    );
    return {
      sockets: seen,
      elsewhere: seen.every((each) => each === "waits")
        ? []
        : listening(held, new Set(inodes)),
    } satisfies AcceptorsLook;
  },
};

/** Undefined where it is not shown what a process has open. */
function socketsIn(pid: number): Files | undefined {
  const files = new Map<number, number>();
  let shown = false;
  for (const name of listProc(`/proc/${pid}/fd`)) {
    const target = linkProc(`/proc/${pid}/fd/${name}`);
    const inode = inodeIn(target);
    shown ||= target !== undefined;
    if (inode !== undefined) files.set(Number(name), inode);
  }
  return shown ? files : undefined;
}

/** The sockets on which the threads of a process wait. */
function waitedBy(pid: number, files: Files): number[] {
  return listProc(`/proc/${pid}/task`).flatMap((task) => {
    const call = callIn(readProc(`/proc/${pid}/task/${task}/syscall`));
    if (call === undefined) return [];
    const { name, words: [first = 0, second = 0] } = call;
    switch (name) {
      case "accept":
      case "accept4":
        return [first];
      case "epoll_wait":
      case "epoll_pwait":
      case "epoll_pwait2":
        return watched(pid, first);
      case "poll":
      case "ppoll":
        return polled(pid, first, second) ?? [...files.keys()];
      case "select":
      case "pselect6":
        return selected(pid, second, first) ?? [...files.keys()];
      default:
        return [];
    }
  }).flatMap((fd) => files.get(fd) ?? []);
}

/** What an epoll instance watches: proc_pid_fdinfo(5). */
function watched(pid: number, fd: number): number[] {
  const text = readProc(`/proc/${pid}/fdinfo/${fd}`) ?? "";
  return [...text.matchAll(/^tfd:\s+(\d+)/gm)].map(([, tfd]) => Number(tfd));
}

/** What poll(2) is asked about. */
function polled(pid: number, at: number, count: number): number[] | undefined {
  const { size, fd } = POLL_ENTRY;
  const bytes = memoryOf(pid, at, Math.min(count, MAX_FILES) * size);
  return bytes && Array.from(
    { length: bytes.byteLength / size },
    (_, i) => bytes.getInt32(i * size + fd, true),
  );
}

/** A bit for each file (select(2)). */
function selected(
  pid: number,
  at: number,
  count: number,
): number[] | undefined {
  if (at === 0) return [];
  const files = Math.min(count, MAX_FILES);
  const bytes = memoryOf(pid, at, Math.ceil(files / 8));
  return bytes && Array.from({ length: files }, (_, fd) => fd)
    .filter((fd) => bytes.getUint8(fd >> 3) & (1 << (fd & 7)));
}

/**
 * Memory of a process: proc_pid_mem(5). Undefined where it may not be read,
 * which Deno allows with `--allow-all` only.
 */
function memoryOf(
  pid: number,
  at: number,
  length: number,
): DataView | undefined {
  try {
    const file = openSync(`/proc/${pid}/mem`, "r");
    try {
      const bytes = new Uint8Array(length);
      if (readSync(file, bytes, 0, length, at) !== length) return undefined;
      return new DataView(bytes.buffer);
    } finally {
      closeSync(file);
    }
  } catch {
    return undefined;
  }
}

/** Where those listen that are none of the pool's. */
function listening(
  held: ReadonlySet<number>,
  own: ReadonlySet<number | undefined>,
): string[] {
  const isOther = (
    { inode, listens }: { readonly inode: number; readonly listens: boolean },
  ): boolean => listens && held.has(inode) && !own.has(inode);
  return [
    ...tcpSockets(readProc).filter(isOther).map(({ host, port }) =>
      formatAddress({ kind: "tcp", host: readable(host), port })
    ),
    ...unixSockets(readProc).filter(isOther).map(({ path }) => `unix:${path}`),
  ];
}
