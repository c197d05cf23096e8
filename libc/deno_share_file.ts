/**
 * Files without a name on Deno, whose own have no file descriptor to inherit.
 *
 * @module
 */

import type { SharedFile } from "../core/adapter.ts";
import { openDenoLibrary } from "./deno.ts";
import { systemError } from "./libc.ts";

/** MFD_CLOEXEC of memfd_create(2). */
const MFD_CLOEXEC = 1;

/** The name, for those who look into /proc; the kernel needs none. */
const NAME: Uint8Array<ArrayBuffer> = new TextEncoder().encode("prefork\0");

const FUNCTIONS = {
  memfd_create: { parameters: ["buffer", "u32"], result: "i32" },
  pread: { parameters: ["i32", "buffer", "usize", "i64"], result: "isize" },
  pwrite: { parameters: ["i32", "buffer", "usize", "i64"], result: "isize" },
  close: { parameters: ["i32"], result: "i32" },
  __errno_location: { parameters: [], result: "pointer" },
} as const satisfies Deno.ForeignLibraryInterface;

/**
 * Makes one in memory.
 *
 * @throws {Error} of the system, or when libc may not be called
 */
export function denoShareFile(): SharedFile {
  const { symbols } = openDenoLibrary(FUNCTIONS);
  const checked = (result: number | bigint, call: string): number => {
    if (result >= 0) return Number(result);
    const errno = new Deno.UnsafePointerView(symbols.__errno_location()!);
    throw systemError(errno.getInt32(), call);
  };
  const fd = checked(symbols.memfd_create(NAME, MFD_CLOEXEC), "memfd_create");
  let open = true;
  return {
    fd,
    read: (into) => {
      if (!open) return 0;
      const own = into as Uint8Array<ArrayBuffer>;
      return checked(symbols.pread(fd, own, BigInt(own.length), 0n), "pread");
    },
    write: (bytes, at) => {
      if (!open) return;
      const own = bytes as Uint8Array<ArrayBuffer>;
      const length = BigInt(own.length);
      checked(symbols.pwrite(fd, own, length, BigInt(at)), "pwrite");
    },
    close: () => {
      if (open) symbols.close(fd);
      open = false;
    },
  };
}
