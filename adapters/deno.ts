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
import { type DenoLibc, isAllowed, openLibc } from "../libc/deno.ts";
import { denoWaiter } from "../libc/deno_epoll.ts";
import { setInheritable } from "../libc/libc.ts";
import { shareFile } from "../libc/share_file.ts";
import { unblockSignals } from "../libc/signals.ts";
import { denoAccept } from "./deno/accept.ts";
import { channelsBy, type ReadChannel } from "./ffi/channel_reader.ts";
import { ffiSockets } from "./ffi/sockets.ts";
import { type Spawner, spawnWith } from "./ffi/spawn.ts";
import {
  ALL_SHARES,
  capabilities,
  refuseAll,
  type Shares,
  sharesOn,
} from "./shared/capabilities.ts";
import { clock } from "./shared/clock.ts";
import { controlSocket } from "./shared/control_socket.ts";
import { answerByDeno, serveControl } from "./deno/control.ts";
import { fdOf } from "./ffi/connection.ts";
import { declineByLibc } from "./shared/decline.ts";
import { acceptHeld, bindHeld } from "./shared/held.ts";
import { withReserve } from "./shared/descriptors.ts";
import { host } from "./shared/host.ts";
import { probeSockets } from "./shared/probe_sockets.ts";
import type { RawSockets } from "./shared/raw_socket.ts";
import { notifier } from "./shared/notifier.ts";
import { notify } from "./shared/notify.ts";
import { notifySocket } from "./shared/notify_socket.ts";
import { lineSocket } from "./shared/line_socket.ts";
import { pidFile } from "./shared/pid_file.ts";
import { placeFile } from "./shared/place_file.ts";
import { predecessor } from "./shared/predecessor.ts";
import { reapOrphans } from "./shared/orphans.ts";
import { refuseHeld } from "./shared/refusal.ts";
import { steer } from "./shared/steer.ts";
import { takeText } from "./shared/store.ts";
import { onSignal, OWN_SESSION } from "./shared/signals.ts";

/** Makes the adapter of Deno 2.9 and later. */
export async function createDenoAdapter(): Promise<Adapter> {
  const libc = allowedLibc();
  const { sockets, spawn } = typeof libc === "string"
    // What Node has for it takes a while to load.
    ? { sockets: probeSockets, ...await import("./deno/spawn.ts") }
    : partsBy(libc);
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
    steer,
    accept: acceptHeld,
    decline: (socket, request) => declineByLibc(socket, request, fdOf),
    refuse: refuseHeld,

    // --- processes --------------------------------------------------------
    spawn: (plan) => withReserve(() => spawn(plan)),
    reapOrphans,
    onSignal,
    notify,
    notifier,
    notifySocket,
    lineSocket,
    placeFile,
    pidFile,
    control: (place, answer) => controlSocket(place, answer, serveControl),
    answer: answerByDeno,
    takeText,
    predecessor,
  } satisfies Adapter;
}

/** What libc is called for, which waits in one place. */
function partsBy(
  libc: DenoLibc,
): { sockets: RawSockets; spawn(plan: SpawnPlan): WorkerProcess } {
  unblockSignals(libc);
  const waiter = denoWaiter(libc);
  const start = spawner(libc, channelsBy(libc, waiter));
  return {
    sockets: ffiSockets(libc, denoAccept(waiter)),
    spawn: (plan) => spawnWith(libc, start, plan),
  };
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
      ? { ...refuseAll({ reason: libc, instead }), reuseport: true }
      : ALL_SHARES,
    darwin: refuseAll({
      reason: "Deno as supervisor has only been tested on Linux",
      instead: "Node as supervisor, which can start Deno workers",
    }),
  });
}

/** What a process of Deno inherits has the number that it has here. */
function spawner(libc: DenoLibc, readChannel: ReadChannel): Spawner {
  return {
    numberOf: (fd) => fd,
    start({ file, args, cwd, env, piped, fds }) {
      const passed = new Set(fds);
      const output = piped ? "piped" : "inherit";
      let child: Deno.ChildProcess;
      try {
        // Spawning is synchronous: no other child can be born in between.
        for (const fd of passed) setInheritable(libc, fd, true);
        child = new Deno.Command(file, {
          args: [...args],
          ...(cwd !== undefined && { cwd }),
          clearEnv: true,
          env: { ...env },
          ...OWN_SESSION,
          stdin: "null",
          stdout: output,
          stderr: output,
        }).spawn();
      } finally {
        for (const fd of passed) setInheritable(libc, fd, false);
      }
      return {
        pid: child.pid,
        status: child.status.then(exitStatus),
        // There is no such property without a pipe, but an error.
        stdout: piped ? child.stdout : undefined,
        stderr: piped ? child.stderr : undefined,
        kill: child.kill.bind(child),
        release: () => child.unref(),
      };
    },
    readChannel,
  };
}

function exitStatus(status: Deno.CommandStatus): ExitStatus {
  return {
    code: status.signal === null ? status.code : null,
    signal: status.signal,
  };
}
