/**
 * Bun as supervisor: `Bun.spawn` with file descriptors in `stdio`, and sockets
 * made through libc.
 *
 * @module
 */

import process from "node:process";
import type { Adapter, ExitStatus } from "../core/adapter.ts";
import { openLibc } from "../libc/bun.ts";
import { shareFile } from "../libc/share_file.ts";
import { bunAccept } from "./bun/accept.ts";
import { bunChannels, socketChannels } from "./bun/channels.ts";
import type {
  BunControl,
  BunFdSockets,
  BunLike,
  BunSubprocess,
} from "./bun/types.ts";
import type { ReadChannel } from "./ffi/channel_reader.ts";
import { ffiSockets } from "./ffi/sockets.ts";
import { type Spawner, spawnWith } from "./ffi/spawn.ts";
import {
  ALL_SHARES,
  capabilities,
  refuseAll,
  sharesOn,
} from "./shared/capabilities.ts";
import { clock } from "./shared/clock.ts";
import { controlSocket } from "./shared/control_socket.ts";
import { answerByBun, bunControl } from "./bun/control.ts";
import { refusedError } from "./shared/command.ts";
import { fdOf } from "./ffi/connection.ts";
import { declineByLibc } from "./shared/decline.ts";
import { acceptHeld, bindHeld } from "./shared/held.ts";
import { withReserve } from "./shared/descriptors.ts";
import { host } from "./shared/host.ts";
import { probeSockets } from "./shared/probe_sockets.ts";
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

const SHARES = sharesOn(process.platform, {
  linux: ALL_SHARES,
  darwin: refuseAll({
    reason: "Bun as supervisor has only been tested on Linux",
    instead: "Node as supervisor, which can start Bun workers",
  }),
});

/** Makes the adapter of Bun 1.4 and later. */
export function createBunAdapter(): Adapter {
  const { Bun } = globalThis as unknown as {
    Bun: BunLike & BunFdSockets & BunControl;
  };
  const libc = process.platform === "linux" ? openLibc() : undefined;
  const sockets = libc === undefined
    ? probeSockets
    : ffiSockets(libc, bunAccept(Bun));
  const channels = libc && bunChannels(libc);
  const start = spawner(Bun, channels ?? socketChannels(Bun));
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
    steer,
    accept: acceptHeld,
    decline: (socket, request) => declineByLibc(socket, request, fdOf),
    refuse: refuseHeld,

    // --- processes --------------------------------------------------------
    spawn(plan) {
      if (libc !== undefined) {
        return withReserve(() => spawnWith(libc, start, plan));
      }
      throw refusedError(plan, new Error("this is not Linux"));
    },
    reapOrphans,
    onSignal,
    notify,
    notifier,
    notifySocket,
    lineSocket,
    placeFile,
    pidFile,
    control: (place, answer) => controlSocket(place, answer, bunControl(Bun)),
    answer: answerByBun,
    takeText,
    predecessor,
  } satisfies Adapter;
}

/** Bun places what a process inherits at 3, 4, .. */
function spawner(Bun: BunLike, readChannel: ReadChannel): Spawner {
  return {
    numberOf: (_, nth) => 3 + nth,
    start({ file, args, cwd, env, piped, fds }) {
      const output = piped ? "pipe" : "inherit";
      const child = Bun.spawn({
        cmd: [file, ...args],
        ...(cwd !== undefined && { cwd }),
        env: { ...env },
        ...OWN_SESSION,
        stdio: ["ignore", output, output, ...fds],
      });
      return {
        pid: child.pid,
        status: child.exited.then(() => exitStatus(child)),
        cpu: () => {
          const { total = undefined } = child.resourceUsage()?.cpuTime ?? {};
          return total === undefined ? undefined : Number(total) / 1000;
        },
        stdout: child.stdout,
        stderr: child.stderr,
        kill: child.kill.bind(child),
        release: () => child.unref(),
      };
    },
    readChannel,
  };
}

function exitStatus(child: BunSubprocess): ExitStatus {
  const { exitCode, signalCode } = child;
  return signalCode === null
    ? { code: exitCode, signal: null }
    : { code: null, signal: String(signalCode) };
}
