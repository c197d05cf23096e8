/**
 * Bun as supervisor: `Bun.spawn` with file descriptors in `stdio`, and sockets
 * made through libc.
 *
 * @module
 */

import process from "node:process";
import type {
  Adapter,
  ExitStatus,
  SpawnPlan,
  WorkerProcess,
} from "../core/adapter.ts";
import { bunChannels } from "./ffi/bun_channels.ts";
import { openLibc } from "../libc/bun.ts";
import {
  ALL_SHARES,
  capabilities,
  refuse,
  sharesOn,
} from "./shared/capabilities.ts";
import { clock } from "./shared/clock.ts";
import { findCommand, refusedError } from "./shared/command.ts";
import { type Acceptor, ffiSockets } from "./ffi/sockets.ts";
import {
  channelEnv,
  channelPair,
  ffiWorker,
  type ReadChannel,
} from "./ffi/worker.ts";
import { guarded } from "./shared/guard.ts";
import { acceptHeld, bindHeld } from "./shared/held.ts";
import { host } from "./shared/host.ts";
import { duplicate, type Libc } from "../libc/libc.ts";
import { type Ending, readLines } from "./shared/lines.ts";
import { probeSockets } from "./shared/probe_sockets.ts";
import { shareFile } from "../libc/share_file.ts";
import { onSignal } from "./shared/signals.ts";
import type {
  BunFdSockets,
  BunLike,
  BunSubprocess,
} from "./shared/bun_types.ts";

const SHARES = sharesOn(process.platform, {
  linux: ALL_SHARES,
  darwin: refuse({
    reason: "Bun as supervisor has only been tested on Linux",
    instead: "Node as supervisor, which can start Bun workers",
  }),
});

/** Makes the adapter of Bun 1.4 and later. */
export function createBunAdapter(): Adapter {
  const { Bun } = globalThis as unknown as { Bun: BunLike & BunFdSockets };
  const libc = process.platform === "linux" ? openLibc() : undefined;
  const sockets = libc === undefined
    ? probeSockets
    : ffiSockets(libc, acceptor(Bun));
  const channels = libc && bunChannels(libc);
  return {
    // --- where ------------------------------------------------------------
    runtime: "bun",
    version: Bun.version,
    capabilities: capabilities(SHARES, true, channels !== undefined),
    host,
    clock,

    // --- sockets ----------------------------------------------------------
    bind: (request) => bindHeld(request, sockets),
    shareFile,
    accept: acceptHeld,

    // --- processes --------------------------------------------------------
    spawn: (plan) => spawn(Bun, libc, channels ?? socketReader(Bun), plan),
    onSignal,
  } satisfies Adapter;
}

/**
 * Lets Bun accept and takes the connection away from it before anything is
 * read. The only call that waits and that Bun has for a file descriptor.
 */
function acceptor(Bun: BunFdSockets): Acceptor {
  return (libc, fd, onFd) => {
    const listener = Bun.listen({
      // A copy, because stop() closes what it was given.
      fd: duplicate(libc, fd),
      socket: {
        open: (socket) => {
          const copy = duplicate(libc, socket.fd);
          // Closes Bun's own without shutdown(2): the copy lives on.
          socket.end();
          onFd(copy);
        },
        data: () => undefined,
        error: (_, error) => rethrow(error),
      },
    });
    return { [Symbol.dispose]: () => listener.stop() };
  };
}

function spawn(
  Bun: BunLike & BunFdSockets,
  libc: Libc | undefined,
  readChannel: ReadChannel,
  plan: SpawnPlan,
): WorkerProcess {
  if (libc === undefined) {
    throw refusedError(plan, new Error("this is not Linux"));
  }
  const { file, args } = findCommand(plan);
  const fds = plan.inherits.map((socket) => socket.fd);
  const environment = plan.env(fds.map((_, i) => 3 + i));
  const { ours, theirs } = channelPair(libc);
  const output = plan.output === "lines" ? "pipe" : "inherit";
  let child: BunSubprocess;
  try {
    child = Bun.spawn({
      cmd: [file, ...args],
      ...(plan.cwd !== undefined && { cwd: plan.cwd }),
      env: { ...environment, ...channelEnv(3 + fds.length) },
      stdio: ["ignore", output, output, ...fds, theirs],
    });
  } catch (error) {
    libc.close(ours);
    throw refusedError(plan, error);
  } finally {
    libc.close(theirs);
  }
  const callbacks = guarded(plan);
  const lines = (stream: "stdout" | "stderr"): Ending =>
    readLines(
      child[stream] as ReadableStream<Uint8Array>,
      (line) => callbacks.onLine(stream, line),
    );
  const started = {
    pid: child.pid,
    status: child.exited.then(() => exitStatus(child)),
    output: plan.output === "lines" ? [lines("stdout"), lines("stderr")] : [],
    kill: child.kill.bind(child),
  };
  return ffiWorker(libc, started, ours, readChannel, callbacks);
}

function exitStatus(child: BunSubprocess): ExitStatus {
  const { exitCode, signalCode } = child;
  return signalCode === null
    ? { code: exitCode, signal: null }
    : { code: null, signal: String(signalCode) };
}

/**
 * Reads by Bun's own sockets, which close connections that workers pass on;
 * `net.Socket({ fd })` reads nothing in Bun 1.4.4.
 */
function socketReader(Bun: BunFdSockets): ReadChannel {
  return (fd, reader) => {
    const { promise, resolve } = Promise.withResolvers<void>();
    const socket = Bun.connect({
      fd,
      socket: {
        data: (_, bytes) => reader.read(bytes),
        close: () => resolve(),
        error: (_, error) => rethrow(error),
      },
    });
    socket.catch(() => resolve());
    return {
      ended: promise,
      cancel: () =>
        void socket.then((open) => (open as { end(): void }).end())
          .catch(() => undefined),
    };
  };
}

/** Bun reports here what a callback threw, and that a socket broke. */
function rethrow(error: Error): void {
  // A broken socket is closed next, which is all that counts.
  if (!("syscall" in error)) {
    queueMicrotask(() => {
      throw error;
    });
  }
}
