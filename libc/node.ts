/**
 * libc as `node:ffi` presents it: Node 26.9 and later, and 26.1 with
 * `--experimental-ffi`; seen in 26.10.0.
 *
 * @module
 */

import process from "node:process";
import { type Libc, proved, requireLinux } from "./libc.ts";
import {
  type Callable,
  type CType,
  fromLibc,
  functionsBy,
  isWide,
} from "./table.ts";

/** What is used of the module `node:ffi`. */
interface Ffi {
  readonly DynamicLibrary: new (file: string) => {
    getFunction(
      name: string,
      signature: { arguments: string[]; return: string },
    ): Callable;
  };
  getRawPointer(buffer: Uint8Array): bigint;
  getInt32(address: bigint): number;
  toArrayBuffer(address: bigint, bytes: number, copy: boolean): ArrayBuffer;
}

/** Node's words; each of 64 bits is a bigint. */
const WORDS: Readonly<Record<CType, string>> = {
  int: "int32",
  uint: "uint32",
  size: "uint64",
  ssize: "int64",
  buffer: "buffer",
  address: "uint64",
};

/**
 * Opens libc.
 *
 * @throws {Error} why it cannot be had
 */
export function openLibc(): Libc {
  requireLinux();
  const ffi = nodeFfi();
  const library = fromLibc((file) => new ffi.DynamicLibrary(file));
  const functions = functionsBy((name, { takes, gives }) => {
    const words = takes.map((type) => WORDS[type]);
    const call = library.getFunction(name, {
      arguments: words,
      return: WORDS[gives],
    });
    if (![gives, ...takes].some(isWide)) return call;
    return (...args: (number | never)[]) =>
      Number(
        call(...args.map((arg, i) =>
          isWide(takes[i]!) ? BigInt(arg) as never : arg
        ) as never[]),
      );
  });
  const errno = BigInt(functions.__errno_location());
  return proved(Object.assign(functions, {
    errno: () => ffi.getInt32(errno),
    pointer: (buffer: Uint8Array) => ffi.getRawPointer(buffer),
    memoryAt: (address: number, bytes: number) =>
      ffi.toArrayBuffer(BigInt(address), bytes, false),
  }));
}

/** Loads the module, whose first use warns that it is experimental. */
function nodeFfi(): Ffi {
  // Asked first, because dlopen would only refuse.
  const { permission } = process as {
    permission?: { has(what: string): boolean };
  };
  if (permission?.has("ffi") === false) {
    const error = new Error("Node calls it with --allow-ffi only");
    throw Object.assign(error, { code: "ERR_ACCESS_DENIED" });
  }
  const { emitWarning } = process;
  // The module warns while it is loaded, once, and whoever runs this program
  // can do nothing about it. Any other warning passes.
  process.emitWarning = ((warning: unknown, ...rest: unknown[]) => {
    if (/^FFI is an experimental feature/.test(String(warning))) return;
    Reflect.apply(emitWarning, process, [warning, ...rest]);
  }) as typeof emitWarning;
  let ffi: unknown;
  try {
    ffi = process.getBuiltinModule("node:ffi");
  } finally {
    process.emitWarning = emitWarning;
  }
  if (ffi !== undefined) return ffi as Ffi;
  throw new Error("this version of Node has no node:ffi");
}
