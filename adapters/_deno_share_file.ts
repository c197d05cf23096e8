/**
 * Files without a name on Deno, whose own have no file descriptor to inherit.
 *
 * @module
 */

import type { SharedFile } from "../core/adapter.ts";
import { openDenoLibrary } from "./_deno_libc.ts";

/** MFD_CLOEXEC of memfd_create(2). */
const MFD_CLOEXEC = 1;

/** The name, for those who look into /proc; the kernel needs none. */
const NAME: Uint8Array<ArrayBuffer> = new TextEncoder().encode("prefork\0");

/**
 * Makes one in memory.
 *
 * @throws {Error} when libc may not be called
 */
export function denoShareFile(): SharedFile {
  const { symbols } = openDenoLibrary({
    memfd_create: { parameters: ["buffer", "u32"], result: "i32" },
    pread: { parameters: ["i32", "buffer", "usize", "i64"], result: "isize" },
    pwrite: { parameters: ["i32", "buffer", "usize", "i64"], result: "isize" },
    close: { parameters: ["i32"], result: "i32" },
  });
  const fd = symbols.memfd_create(NAME, MFD_CLOEXEC);
  if (fd < 0) throw new Error("memfd_create failed");
  let open = true;
  return {
    fd,
    read: (into) =>
      open
        ? Math.max(
          0,
          Number(
            symbols.pread(
              fd,
              into as Uint8Array<ArrayBuffer>,
              BigInt(into.length),
              0n,
            ),
          ),
        )
        : 0,
    write: (bytes, at) => {
      if (!open) return;
      const own = bytes as Uint8Array<ArrayBuffer>;
      symbols.pwrite(fd, own, BigInt(bytes.length), BigInt(at));
    },
    close: () => {
      if (open) symbols.close(fd);
      open = false;
    },
  };
}
