/**
 * Reads proc(5) by libc, for Deno: it wants `--allow-all` for every path in
 * /proc (2.9.5), which nobody should have to give for that. Whoever allows FFI
 * has allowed more than this already.
 *
 * @module
 */

import { openDenoLibrary } from "./deno.ts";
import { fixed } from "./libc.ts";

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

const FUNCTIONS = {
  open: { parameters: ["buffer", "i32"], result: "i32" },
  read: { parameters: ["i32", "buffer", "usize"], result: "isize" },
  close: { parameters: ["i32"], result: "i32" },
  readlink: { parameters: ["buffer", "buffer", "usize"], result: "isize" },
  opendir: { parameters: ["buffer"], result: "pointer" },
  readdir: { parameters: ["pointer"], result: "pointer" },
  closedir: { parameters: ["pointer"], result: "i32" },
  statx: {
    parameters: ["i32", "buffer", "i32", "u32", "buffer"],
    result: "i32",
    optional: true,
  },
} as const satisfies Deno.ForeignLibraryInterface;

/** O_RDONLY and O_CLOEXEC of open(2). */
const READ_ONLY = 0o2000000;

/** Where `struct dirent` has its name: readdir(3), 64 bits, glibc and musl. */
const NAME_AT = 19;

/**
 * STATX_SIZE, and what `struct statx` is like on every architecture: statx(2),
 * glibc 2.28, musl 1.2.5.
 */
const STATX = { size: 0x200, sizeAt: 40, bytes: 256 } as const;

/** More than the lines of a thousand watches: fewer calls. */
const CHUNK = 65536;

/**
 * Opens it.
 *
 * @throws {Error} when libc cannot be opened
 */
export function openDenoProc(): Proc {
  const c = openDenoLibrary(FUNCTIONS).symbols;
  const buffer = fixed(CHUNK);
  const facts = fixed(STATX.bytes);
  const view = new DataView(facts.buffer);
  return {
    list(path) {
      const names: string[] = [];
      const directory = c.opendir(cString(path));
      if (directory === null) return names;
      for (;;) {
        const entry = c.readdir(directory);
        if (entry === null) break;
        const name = new Deno.UnsafePointerView(entry).getCString(NAME_AT);
        if (!name.startsWith(".")) names.push(name);
      }
      c.closedir(directory);
      return names;
    },
    size(path) {
      // The directory does not matter for a whole path.
      if (c.statx?.(0, cString(path), 0, STATX.size, facts) !== 0) return 0;
      return Number(view.getBigUint64(STATX.sizeAt, true));
    },
    link(path) {
      const length = Number(c.readlink(cString(path), buffer, SIZE));
      return length < 0 ? undefined : textOf(buffer.subarray(0, length));
    },
    read(path) {
      const fd = c.open(cString(path), READ_ONLY);
      if (fd < 0) return undefined;
      const decoder = new TextDecoder();
      let text = "";
      for (;;) {
        const length = Number(c.read(fd, buffer, SIZE));
        if (length <= 0) break;
        text += decoder.decode(buffer.subarray(0, length), { stream: true });
      }
      c.close(fd);
      return text;
    },
  };
}

const SIZE = BigInt(CHUNK);

function cString(text: string): Uint8Array<ArrayBuffer> {
  const bytes = new TextEncoder().encode(text);
  const terminated = fixed(bytes.length + 1);
  terminated.set(bytes);
  return terminated;
}

function textOf(bytes: Uint8Array): string {
  return new TextDecoder().decode(bytes);
}
