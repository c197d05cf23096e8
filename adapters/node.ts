/**
 * Node as supervisor: `node:child_process`, and sockets that are bound by Node
 * itself.
 *
 * @module
 */

import process from "node:process";
import type { Adapter } from "../core/adapter.ts";
import {
  ALL_SHARES,
  capabilities,
  LINUX_ONLY,
  type Shares,
  sharesOn,
} from "./shared/capabilities.ts";
import { spawnChild } from "./node/child_process.ts";
import { clock } from "./shared/clock.ts";
import { controlSocket } from "./shared/control_socket.ts";
import { answerByNode, serveControl } from "./node/control.ts";
import { decline } from "./node/decline.ts";
import { acceptHeld, bindHeld } from "./shared/held.ts";
import { withReserve } from "./shared/descriptors.ts";
import { host } from "./shared/host.ts";
import { confirm, readChannel } from "./node/channel.ts";
import { nodeSockets } from "./node/sockets.ts";
import { mayShareFiles, shareFile } from "../libc/share_file.ts";
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
import { onSignal } from "./shared/signals.ts";

function shares(): Shares {
  const most = mayShareFiles() ? ALL_SHARES : {
    ...ALL_SHARES,
    balanced: {
      reason:
        "Node may make no file that is shared: it needs --allow-ffi or --allow-fs-write=/dev/shm",
      instead: `one of these flags, or the mode "shared"`,
    },
  };
  return sharesOn(process.platform, {
    linux: most,
    darwin: { ...most, sharded: LINUX_ONLY, reuseport: LINUX_ONLY },
  });
}

/** Makes the adapter of Node 22.12 and later. */
export function createNodeAdapter(): Adapter {
  return {
    // --- where ------------------------------------------------------------
    runtime: "node",
    version: process.versions.node,
    capabilities: capabilities(shares(), true, true),
    host,
    clock,

    // --- sockets ----------------------------------------------------------
    bind: (request) => bindHeld(request, nodeSockets),
    shareFile,
    steer,
    accept: acceptHeld,
    decline,
    refuse: refuseHeld,

    // --- processes --------------------------------------------------------
    spawn: (plan) =>
      withReserve(() =>
        spawnChild(plan, {
          readChannel,
          confirm,
          kill: (child, signal) => child.kill(signal),
        })
      ),
    reapOrphans,
    onSignal,
    notify,
    notifier,
    notifySocket,
    lineSocket,
    placeFile,
    pidFile,
    control: (place, answer) => controlSocket(place, answer, serveControl),
    answer: answerByNode,
    takeText,
    predecessor,
  } satisfies Adapter;
}
