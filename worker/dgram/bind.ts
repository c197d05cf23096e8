/**
 * Binds a socket of `node:dgram` to a socket of the pool, on each runtime.
 *
 * @module
 */

import type { Socket } from "node:dgram";
import type { InheritedListener } from "../../core/launch/environment.ts";
import { codeOf } from "../../core/errors.ts";
import {
  dgramState,
  type Receiving,
  setReceiving,
} from "../../handles/dgram.ts";
import { duplicate } from "../../libc/libc.ts";
import { libcHere } from "../../libc/open.ts";
import { bypass } from "../process/bypass.ts";
import { cannot, noSocket } from "../process/errors.ts";
import { RUNTIME } from "../process/runtime.ts";

/** What `bindState` is of a socket that is bound. */
const BOUND = 2;

/**
 * Binds it, and resolves when it reads, or with `held` would. It says
 * "listening" then, as ever.
 *
 * @throws {PreforkError} `ERR_ATTACH` when it cannot
 */
export async function bindToShard(
  socket: Socket,
  listener: InheritedListener,
  shard: number,
  held: boolean,
): Promise<Receiving> {
  const fd = listener.fds[shard];
  if (fd === undefined) throw noSocket(listener, shard);
  const libc = libcHere();
  // A copy, because it is closed with the program's socket.
  const own = libc === undefined ? fd : duplicate(libc, fd);
  const state = dgramState(socket);
  if (state !== undefined) state.bindState = 0;
  try {
    return await bindHere(socket, own, held);
  } catch (error) {
    // Once bound it is the socket's, which closes it.
    if (state?.bindState !== BOUND) libc?.close(own);
    if (codeOf(error) !== "EBADF") throw error;
    throw cannot(
      `receive datagrams on "${listener.name}" again`,
      "the program has closed the socket that had it, and the pool's with it",
      "run it on Node 26.9 or later, or let it keep that socket open",
      error,
    );
  }
}

async function bindHere(
  socket: Socket,
  fd: number,
  held: boolean,
): Promise<Receiving> {
  if (RUNTIME.dgramBy === "libc") {
    if (libcHere() === undefined) {
      throw cannot(
        "receive datagrams on the pool's socket",
        "Deno takes over no such socket, and without libc nothing else can",
        'add "--allow-ffi" to the "--runtime-arg"',
      );
    }
    const { bindOnDeno } = await import("../deno/dgram.ts");
    const receiving = bypass(() => bindOnDeno(socket, fd));
    if (held) receiving.pause();
    return receiving;
  }
  const onBun = RUNTIME.dgramBy === "watch"
    ? (await import("../bun/dgram.ts")).bunReceiving
    : undefined;
  const { promise, resolve, reject } = Promise.withResolvers<Receiving>();
  const fail = (error: unknown): void => {
    socket.off("listening", begin).off("error", fail);
    reject(error);
  };
  const begin = (): void => {
    socket.off("error", fail);
    try {
      const receiving = onBun?.(fd) ?? nodeReceiving(socket);
      // In the turn in which it has begun to: nothing has been read yet.
      if (held) receiving.pause();
      resolve(receiving);
    } catch (error) {
      reject(error);
    }
  };
  socket.prependOnceListener("listening", begin);
  socket.once("error", fail);
  try {
    bypass(() => socket.bind({ fd, exclusive: true }));
  } catch (error) {
    fail(error);
  }
  return await promise;
}

function nodeReceiving(socket: Socket): Receiving {
  if (!setReceiving(socket, true)) {
    throw cannot(
      "receive datagrams on the pool's socket",
      "this version of Node does not show how a socket of node:dgram stops reading",
      "run the program on Node 22.12 to 26",
    );
  }
  return {
    pause: () => void setReceiving(socket, false),
    resume: () => void setReceiving(socket, true),
  };
}
