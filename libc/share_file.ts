/**
 * Files without a name, for what a supervisor and its workers share.
 *
 * @module
 */

import { closeSync, openSync, readSync, unlinkSync, writeSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import type { SharedFile } from "../core/adapter.ts";
import { checked, cString, F, type Libc } from "./libc.ts";
import { libcHere, openLibc } from "./open.ts";

/** MFD_CLOEXEC and MFD_ALLOW_SEALING of memfd_create(2). */
const MFD = { cloexec: 1, allowSealing: 2 } as const;

/** F_SEAL_SEAL, F_SEAL_SHRINK and F_SEAL_GROW of fcntl(2). */
const SEALS = 1 | 2 | 4;

/** Where Linux keeps files in memory that have a name (shm_overview(7)). */
const IN_MEMORY = "/dev/shm";

/**
 * Makes one. By libc it lies in memory, and nobody can change a size that was
 * asked for, so no worker can do harm to what the others have; without, it has
 * a name that is gone before anybody else could use it.
 *
 * @param size in bytes, all 0; without it the file is empty and grows
 * @throws {Error} of the system
 */
export function shareFile(size?: number): SharedFile {
  if (isDeno()) {
    const libc = openLibc();
    return sharedBy(libcFiles(libc), memoryFile(libc, size));
  }
  const libc = libcHere();
  return sharedBy(NODE_FILES, (libc && tried(libc, size)) ?? namedFile(size));
}

/** False where Node lets this process make none (`--permission`, 26.10). */
export function mayShareFiles(): boolean {
  const { permission } = process as {
    permission?: { has(what: string, where?: string): boolean };
  };
  return permission === undefined || permission.has("ffi") ||
    permission.has("fs.write", IN_MEMORY) ||
    permission.has("fs.write", tmpdir());
}

/**
 * One that this process has inherited.
 *
 * @throws {Error} where it takes libc, which cannot be called
 */
export function inheritedFile(fd: number): SharedFile {
  return sharedBy(isDeno() ? libcFiles(openLibc()) : NODE_FILES, fd);
}

/** The files of Deno 2.9.5 are no file descriptors. */
function isDeno(): boolean {
  return process.versions["deno"] !== undefined;
}

/** How a file is read and written. */
interface Files {
  read(fd: number, into: Uint8Array, at: number): number;
  write(fd: number, bytes: Uint8Array, at: number): void;
  close(fd: number): void;
}

/** Five times faster than libc on Node (26.10). */
const NODE_FILES: Files = {
  read: (fd, into, at) => readSync(fd, into, 0, into.length, at),
  write: (fd, bytes, at) => void writeSync(fd, bytes, 0, bytes.length, at),
  close: closeSync,
};

function libcFiles(libc: Libc): Files {
  return {
    read: (fd, into, at) =>
      checked(libc, libc.pread(fd, into, into.length, at), "pread"),
    write: (fd, bytes, at) =>
      void checked(libc, libc.pwrite(fd, bytes, bytes.length, at), "pwrite"),
    close: libc.close,
  };
}

function sharedBy({ read, write, close }: Files, fd: number): SharedFile {
  let open = true;
  return {
    fd,
    read: (into, at = 0) => open ? read(fd, into, at) : 0,
    write: (bytes, at) => {
      if (open) write(fd, bytes, at);
    },
    close: () => {
      if (open) close(fd);
      open = false;
    },
  };
}

function memoryFile(libc: Libc, size: number | undefined): number {
  // The name is for those who look into /proc; the kernel needs none.
  const name = cString("prefork");
  const flags = MFD.cloexec | MFD.allowSealing;
  const fd = checked(libc, libc.memfd_create(name, flags), "memfd_create");
  if (size === undefined) return fd;
  try {
    checked(libc, libc.ftruncate(fd, size), "ftruncate");
    checked(libc, libc.fcntl(fd, F.addSeals, SEALS), "fcntl");
    return fd;
  } catch (error) {
    libc.close(fd);
    throw error;
  }
}

/** The same, or undefined where libc or the kernel has no such files. */
function tried(libc: Libc, size: number | undefined): number | undefined {
  try {
    return memoryFile(libc, size);
  } catch {
    return undefined;
  }
}

function namedFile(size: number | undefined): number {
  try {
    return namedFileIn(IN_MEMORY, size);
  } catch {
    // It is not there, not for this user, or full.
    return namedFileIn(tmpdir(), size);
  }
}

function namedFileIn(directory: string, size = 0): number {
  const { randomUUID } = process.getBuiltinModule("node:crypto");
  // Containers that share the directory may have the same process ids.
  const path = join(directory, `prefork-${randomUUID()}`);
  const fd = openSync(path, "wx+", 0o600);
  try {
    unlinkSync(path);
    // The disk may be full later, when a row is written.
    const bytes = new Uint8Array(size);
    for (let at = 0; at < size;) at += writeSync(fd, bytes, at);
    return fd;
  } catch (error) {
    closeSync(fd);
    throw error;
  }
}
