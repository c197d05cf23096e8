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
  sharesOn,
} from "./_capabilities.ts";
import { spawnChild } from "./_child_process.ts";
import { clock } from "./_clock.ts";
import { acceptHeld, bindHeld } from "./_held.ts";
import { host } from "./_host.ts";
import { confirm, readChannel } from "./_node_channel.ts";
import { nodeSockets } from "./_node_sockets.ts";
import { shareFile } from "./_share_file.ts";
import { onSignal } from "./_signals.ts";

const SHARES = sharesOn(process.platform, {
  linux: ALL_SHARES,
  darwin: { ...ALL_SHARES, sharded: LINUX_ONLY, reuseport: LINUX_ONLY },
});

/** Makes the adapter of Node 22.12 and later. */
export function createNodeAdapter(): Adapter {
  return {
    // --- where ------------------------------------------------------------
    runtime: "node",
    version: process.versions.node,
    capabilities: capabilities(SHARES, true, true),
    host,
    clock,

    // --- sockets ----------------------------------------------------------
    bind: (request) => bindHeld(request, nodeSockets),
    shareFile,
    accept: acceptHeld,

    // --- processes --------------------------------------------------------
    spawn: (plan) =>
      spawnChild(plan, {
        readChannel,
        confirm,
        kill: (child, signal) => child.kill(signal),
      }),
    onSignal,
  } satisfies Adapter;
}
