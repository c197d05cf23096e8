/**
 * Deno as supervisor: `Deno.Command` whose children inherit file descriptors,
 * and sockets made through libc. Without `--allow-ffi` one mode is left.
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
import {
  ALL_SHARES,
  capabilities,
  refuse,
  type Shares,
  sharesOn,
} from "./shared/capabilities.ts";
import { spawnChild } from "./node/child_process.ts";
import { clock } from "./shared/clock.ts";
import { findCommand, refusedError } from "./shared/command.ts";
import { denoAccept } from "./ffi/deno_accept.ts";
import { denoChannels } from "./ffi/deno_channels.ts";
import { type DenoLibc, isAllowed, openLibc } from "../libc/deno.ts";
import { ffiSockets } from "./ffi/sockets.ts";
import {
  channelEnv,
  channelPair,
  ffiWorker,
  type ReadChannel,
} from "./ffi/worker.ts";
import { guarded } from "./shared/guard.ts";
import { acceptHeld, bindHeld } from "./shared/held.ts";
import { host } from "./shared/host.ts";
import { setInheritable } from "../libc/libc.ts";
import { readLines } from "./shared/lines.ts";
import { readMessages } from "./node/channel.ts";
import { probeSockets } from "./shared/probe_sockets.ts";
import { shareFile } from "../libc/share_file.ts";
import { onSignal } from "./shared/signals.ts";

/** Makes the adapter of Deno 2.9 and later. */
export function createDenoAdapter(): Adapter {
  const libc = allowedLibc();
  const sockets = typeof libc === "string"
    ? probeSockets
    : ffiSockets(libc, (_, fd, onFd) => denoAccept(libc, fd, onFd));
  const start = typeof libc === "string"
    ? spawnWithoutFfi
    : spawnWith(libc, denoChannels(libc));
  return {
    // --- where ------------------------------------------------------------
    runtime: "deno",
    version: Deno.version.deno,
    capabilities: capabilities(shares(libc), false, typeof libc !== "string"),
    host,
    clock,

    // --- sockets ----------------------------------------------------------
    bind: (request) => bindHeld(request, sockets),
    shareFile,
    accept: acceptHeld,

    // --- processes --------------------------------------------------------
    spawn: start,
    onSignal,
  } satisfies Adapter;
}

/** libc, or why it cannot be had. */
function allowedLibc(): DenoLibc | string {
  if (process.platform !== "linux") return "this is not Linux";
  if (!isAllowed()) {
    return "Deno may not pass sockets on without libc, which it calls with --allow-ffi";
  }
  try {
    return openLibc();
  } catch (error) {
    return `libc cannot be opened (${(error as Error).message})`;
  }
}

function shares(libc: DenoLibc | string): Shares {
  const instead = `--allow-ffi, or the mode "reuseport"`;
  return sharesOn(process.platform, {
    linux: typeof libc === "string"
      ? { ...refuse({ reason: libc, instead }), reuseport: true }
      : ALL_SHARES,
    darwin: refuse({
      reason: "Deno as supervisor has only been tested on Linux",
      instead: "Node as supervisor, which can start Deno workers",
    }),
  });
}

function spawnWith(
  libc: DenoLibc,
  readChannel: ReadChannel,
): (plan: SpawnPlan) => WorkerProcess {
  return (plan) => spawn(libc, readChannel, plan);
}

function spawn(
  libc: DenoLibc,
  readChannel: ReadChannel,
  plan: SpawnPlan,
): WorkerProcess {
  const { file, args } = findCommand(plan);
  const fds = plan.inherits.map((socket) => socket.fd);
  const environment = plan.env(fds);
  const { ours, theirs } = channelPair(libc);
  const passed = [...new Set([...fds, theirs])];
  const output = plan.output === "lines" ? "piped" : "inherit";
  let child: Deno.ChildProcess;
  try {
    // Spawning is synchronous: no other child can be born in between.
    for (const fd of passed) setInheritable(libc, fd, true);
    child = new Deno.Command(file, {
      args: [...args],
      ...(plan.cwd !== undefined && { cwd: plan.cwd }),
      clearEnv: true,
      env: { ...environment, ...channelEnv(theirs) },
      stdin: "null",
      stdout: output,
      stderr: output,
    }).spawn();
  } catch (error) {
    libc.close(ours);
    throw refusedError(plan, error);
  } finally {
    for (const fd of passed) setInheritable(libc, fd, false);
    libc.close(theirs);
  }
  const callbacks = guarded(plan);
  const started = {
    pid: child.pid,
    status: child.status.then(exitStatus),
    output: plan.output === "lines"
      ? [
        readLines(child.stdout, (line) => callbacks.onLine("stdout", line)),
        readLines(child.stderr, (line) => callbacks.onLine("stderr", line)),
      ]
      : [],
    kill: child.kill.bind(child),
  };
  return ffiWorker(libc, started, ours, readChannel, callbacks);
}

function exitStatus(status: Deno.CommandStatus): ExitStatus {
  return {
    code: status.signal === null ? status.code : null,
    signal: status.signal,
  };
}

/**
 * Without libc nothing can be inherited beside the channel. In `reuseport`
 * nothing has to be, and node:child_process brings the channel.
 */
function spawnWithoutFfi(plan: SpawnPlan): WorkerProcess {
  return spawnChild(plan, {
    readChannel: readMessages,
    confirm: () => undefined,
    // After child.kill() of Deno 2.9 the exit event tells the signal that was
    // sent and not how the process ended.
    kill: (child, signal) => process.kill(child.pid!, signal),
  });
}
