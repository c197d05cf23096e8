/**
 * What a worker changes of its runtime, in order.
 *
 * @module
 */

import type { Core } from "../process/worker_core.ts";
import { RUNTIME } from "../process/runtime.ts";
import { loadBunHttp } from "../inherit.ts";
import { showCluster } from "./cluster.ts";
import { deferExit } from "./exit.ts";
import { serveExport } from "./main_module.ts";
import { patchDgram } from "./dgram.ts";
import { patchNet } from "./net.ts";
import { watchOwnSockets } from "./own_sockets.ts";
import type { Settings } from "../match/settings.ts";
import { holdSignals } from "./signals.ts";

/** Changes one thing of the runtime. */
export type Patch = (core: Core, settings: Settings) => void | Promise<void>;

/** All of them. */
export const PATCHES: readonly Patch[] = [
  holdSignals,
  deferExit,
  serveExport,
  watchOwnSockets,
  showCluster,
  patchNet,
  patchDgram,
  patchNatives,
];

/** The runtime's own servers; what concerns another one is not even loaded. */
async function patchNatives(core: Core, settings: Settings): Promise<void> {
  switch (RUNTIME.name) {
    case "bun":
      (await import("../bun/patch_spawn.ts")).patchBunSpawn();
      await loadBunHttp();
      (await import("../bun/patch_serve.ts")).patchBunServe(core, settings);
      (await import("../bun/patch_listen.ts")).patchBunListen(core, settings);
      return;
    case "deno":
      (await import("../deno/patch_serve.ts")).patchDenoServe(core, settings);
      (await import("../deno/patch_listen.ts")).patchDenoListen(core, settings);
  }
}
