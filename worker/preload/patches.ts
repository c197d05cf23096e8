/**
 * What a worker changes of its runtime, in order.
 *
 * @module
 */

import type { Core } from "../_core.ts";
import { RUNTIME } from "../_runtime.ts";
import { deferExit } from "./exit.ts";
import { serveExport } from "./main_module.ts";
import { patchDgram } from "./dgram.ts";
import { patchNet } from "./net.ts";
import { watchOwnSockets } from "./own_sockets.ts";
import type { Settings } from "./settings.ts";
import { holdSignals } from "./signals.ts";

/** Changes one thing of the runtime. */
export type Patch = (core: Core, settings: Settings) => void | Promise<void>;

/** All of them. */
export const PATCHES: readonly Patch[] = [
  holdSignals,
  deferExit,
  serveExport,
  watchOwnSockets,
  patchNet,
  patchDgram,
  patchNatives,
];

/** The runtime's own servers; what concerns another one is not even loaded. */
async function patchNatives(core: Core, settings: Settings): Promise<void> {
  switch (RUNTIME.name) {
    case "bun":
      return (await import("./bun.ts")).patchBun(core, settings);
    case "deno":
      (await import("./deno.ts")).patchDenoServe(core, settings);
      (await import("./deno_listen.ts")).patchDenoListen(core, settings);
  }
}
