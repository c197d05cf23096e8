/**
 * libc as `Deno.dlopen` presents it. Needs `--allow-ffi`.
 *
 * @module
 */

import { type Libc, proved, requireLinux } from "./libc.ts";
import {
  type Callable,
  type CType,
  fromLibc,
  type FunctionName,
  FUNCTIONS,
  functionsBy,
  isWide,
  type Signature,
} from "./table.ts";

/** libc, and what Deno has beyond the others. */
export interface DenoLibc extends Libc {
  /** epoll_wait(2) in a thread of its own, for as long as it takes. */
  epollWaited(
    epoll: number,
    events: Uint8Array,
    count: number,
  ): Promise<number>;
  /** The text at an address, up to its NUL. */
  textAt(address: number): string;
}

/** Deno's words; an address need not be one of its pointers. */
const WORDS: Readonly<Record<CType, Deno.NativeType>> = {
  int: "i32",
  uint: "u32",
  size: "usize",
  ssize: "isize",
  buffer: "buffer",
  address: "usize",
};

/**
 * True where Deno allows to call into libc; asks the user nothing, since a
 * supervisor may have no terminal. To allow one library is not enough: Deno
 * 2.9.5 then takes "libc.so.6" for a file in the working directory.
 */
export function isAllowed(): boolean {
  return Deno.permissions.querySync({ name: "ffi" }).state === "granted";
}

/**
 * Opens libc.
 *
 * @throws {Error} why it cannot be had
 */
export function openLibc(): DenoLibc {
  requireLinux();
  if (!isAllowed()) {
    throw new Deno.errors.NotCapable("Deno calls it with --allow-ffi only");
  }
  const functions = functionsBy((name, { takes, gives }) => {
    const call = openFunction(name, { takes, gives }, false);
    return isWide(gives) ? (...args) => Number(call(...args)) : call;
  });
  const errno = Deno.UnsafePointer.create(
    BigInt(functions.__errno_location()),
  )!;
  // Opened when it is first asked for: its calls wait in another thread.
  let epollWait: Callable | undefined;
  return proved(Object.assign(functions, {
    errno: () => new Deno.UnsafePointerView(errno).getInt32(),
    pointer: (buffer: Uint8Array) =>
      Deno.UnsafePointer.value(
        Deno.UnsafePointer.of(buffer as Uint8Array<ArrayBuffer>),
      ),
    memoryAt: (address: number, bytes: number) =>
      Deno.UnsafePointerView.getArrayBuffer(
        Deno.UnsafePointer.create(BigInt(address))!,
        bytes,
      ),
    epollWaited: (epoll: number, events: Uint8Array, count: number) => {
      epollWait ??= openFunction("epoll_wait", FUNCTIONS.epoll_wait, true);
      const wait = epollWait as unknown as (
        ...args: unknown[]
      ) => Promise<number>;
      return wait(epoll, events, count, -1);
    },
    textAt: (address: number) =>
      Deno.UnsafePointerView.getCString(
        Deno.UnsafePointer.create(BigInt(address))!,
      ),
  }));
}

function openFunction(
  name: FunctionName,
  { takes, gives }: Signature,
  nonblocking: boolean,
): Callable {
  const parameters = takes.map((type) => WORDS[type]);
  const wanted = { [name]: { parameters, result: WORDS[gives], nonblocking } };
  const { symbols } = fromLibc((file) => Deno.dlopen(file, wanted));
  return symbols[name] as unknown as Callable;
}
