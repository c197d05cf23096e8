/**
 * Reads proc(5). By libc on Deno: it wants `--allow-all` for every path in
 * /proc (2.9.5), which nobody should have to give for that. Whoever allows FFI
 * has allowed more than this already.
 *
 * @module
 */

import fs from "node:fs";
import type { DenoLibc } from "./deno.ts";
import { cString, fixed, type Libc } from "./libc.ts";

/** Reads what the kernel tells of this process. */
export interface Proc {
  /** The names in a directory. */
  list(path: string): string[];
  /** The size of a file, in bytes; 0 when it cannot be known. */
  size(path: string): number;
  /** The target of a link; undefined when there is none. */
  link(path: string): string | undefined;
  /** The text of a file; undefined when there is none. */
  read(path: string): string | undefined;
}

/** O_RDONLY and O_CLOEXEC of open(2). */
const READ_ONLY = 0o2000000;

/** Where `struct dirent` has its name: readdir(3), 64 bits, glibc and musl. */
const NAME_AT = 19;

/**
 * STATX_SIZE, and what `struct statx` is like on every architecture: statx(2),
 * glibc 2.28, musl 1.2.5.
 */
const STATX = {
  size: 0x200,
  sizeAt: 40,
  inode: 0x100,
  inodeAt: 32,
  bytes: 256,
} as const;

/** AT_EMPTY_PATH of openat(2): the descriptor itself. */
const EMPTY_PATH = 0x1000;

/** More than the lines of a thousand watches: fewer calls. */
const CHUNK = 65536;

/** The reader of this process. */
export function openProc(libc: Libc): Proc {
  return isDeno(libc) ? byLibc(libc) : PROC_BY_FILES;
}

function isDeno(libc: Libc): libc is DenoLibc {
  return "textAt" in libc;
}

function byLibc(c: DenoLibc): Proc {
  const buffer = fixed(CHUNK);
  const facts = fixed(STATX.bytes);
  const view = new DataView(facts.buffer);
  return {
    list(path) {
      const names: string[] = [];
      const directory = c.opendir(cString(path));
      if (directory === 0) return names;
      for (;;) {
        const entry = c.readdir(directory);
        if (entry === 0) break;
        const name = c.textAt(entry + NAME_AT);
        if (!name.startsWith(".")) names.push(name);
      }
      c.closedir(directory);
      return names;
    },
    size(path) {
      try {
        // The directory does not matter for a whole path.
        if (c.statx(0, cString(path), 0, STATX.size, facts) !== 0) return 0;
      } catch {
        return 0; // an old libc
      }
      return Number(view.getBigUint64(STATX.sizeAt, true));
    },
    link(path) {
      const length = c.readlink(cString(path), buffer, CHUNK);
      return length < 0 ? undefined : textOf(buffer.subarray(0, length));
    },
    read(path) {
      const fd = c.open(cString(path), READ_ONLY);
      if (fd < 0) return undefined;
      const decoder = new TextDecoder();
      let text = "";
      for (;;) {
        const length = c.read(fd, buffer, CHUNK);
        if (length <= 0) break;
        text += decoder.decode(buffer.subarray(0, length), { stream: true });
      }
      c.close(fd);
      return text;
    },
  };
}

/** The inode of what a descriptor is, in decimal; undefined with an old libc. */
export function inodeText(libc: Libc, fd: number): string | undefined {
  const facts = fixed(STATX.bytes);
  try {
    const status = libc.statx(fd, cString(""), EMPTY_PATH, STATX.inode, facts);
    if (status !== 0) return undefined;
  } catch {
    return undefined;
  }
  return String(new DataView(facts.buffer).getBigUint64(STATX.inodeAt, true));
}

/** Reads it by `node:fs`; throws for whatever is not just missing. */
export const PROC_BY_FILES: Proc = {
  list: (path) => ifThere(() => fs.readdirSync(path)) ?? [],
  size: (path) => fs.statSync(path).size,
  link: (path) => ifThere(() => fs.readlinkSync(path)),
  read: (path) => ifThere(() => fs.readFileSync(path, "utf8")),
};

function ifThere<T>(read: () => T): T | undefined {
  try {
    return read();
  } catch (error) {
    // A directory that is being read has a descriptor of its own.
    if ((error as { code?: unknown }).code === "ENOENT") return undefined;
    throw error;
  }
}

function textOf(bytes: Uint8Array): string {
  return new TextDecoder().decode(bytes);
}
