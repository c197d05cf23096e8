/**
 * libc as `bun:ffi` presents it.
 *
 * @module
 */

import { createRequire } from "node:module";
import { type Libc, proved, requireLinux } from "./libc.ts";
import { type Callable, type CType, fromLibc, functionsBy } from "./table.ts";

/** What is used of the module `bun:ffi`. */
interface Ffi {
  dlopen(
    file: string,
    functions: Record<string, { args: string[]; returns: string }>,
  ): { readonly symbols: Record<string, Callable> };
  ptr(buffer: Uint8Array): number;
  toArrayBuffer(address: number, offset: number, bytes: number): ArrayBuffer;
  readonly read: { i32(address: number, offset: number): number };
}

/** Bun's words; `_fast` gives a number as long as it fits. */
const WORDS: Readonly<Record<CType, string>> = {
  int: "i32",
  uint: "u32",
  size: "u64_fast",
  ssize: "i64_fast",
  buffer: "ptr",
  address: "u64_fast",
};

/**
 * Opens libc.
 *
 * @throws {Error} why it cannot be had
 */
export function openLibc(): Libc {
  requireLinux();
  // By require, so that only Bun ever looks for a module of that name.
  const ffi = createRequire(import.meta.url)("bun:ffi") as Ffi;
  const functions = functionsBy((name, { takes, gives }) => {
    const args = takes.map((type) => WORDS[type]);
    const wanted = { [name]: { args, returns: WORDS[gives] } };
    return fromLibc((file) => ffi.dlopen(file, wanted)).symbols[name]!;
  });
  const error = functions.__errno_location();
  return proved(Object.assign(functions, {
    errno: () => ffi.read.i32(error, 0),
    pointer: (buffer: Uint8Array) => BigInt(ffi.ptr(buffer)),
    memoryAt: (address: number, bytes: number) =>
      ffi.toArrayBuffer(address, 0, bytes),
  }));
}
