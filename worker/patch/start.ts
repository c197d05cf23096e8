/**
 * Makes the process a worker and has the program's own calls mean the pool.
 *
 * @module
 */

import process from "node:process";
import { refChannel, unrefChannel } from "../process/channel.ts";
import { keepDescriptors } from "../process/descriptors.ts";
import { beginTitle } from "../process/names.ts";
import { refuse, requireBind } from "../process/permission.ts";
import type { Core } from "../process/worker_core.ts";
import { claimsOf } from "../match/claims.ts";
import { preloadedCore } from "../attach.ts";
import { PATCHES } from "./patches.ts";
import { takeSettings } from "../match/settings.ts";
import { areSocketsHere, handOver, seatHere } from "./wrapper.ts";

/** Runs before the program does. */
export async function start(): Promise<void> {
  // Before attaching, which empties the environment.
  keepDescriptors();
  const settings = takeSettings();
  if (settings.wrapped) {
    // Some tool that a program in another language has started.
    if (process.send === undefined) return;
    if (!areSocketsHere()) {
      await refuse(
        'the pool\'s sockets did not reach the program, because something that started it has closed them ("bun run" keeps number 3 alone); start its file itself',
      );
    }
  }
  const seat = settings.wrapped ? seatHere() : undefined;
  const core = preloadedCore();
  const { worker: { slot }, standby } = core;
  for (const listener of core.worker.listeners.values()) requireBind(listener);
  beginTitle(settings.title, standby ? "standby" : String(slot));
  unrefChannel();
  // Then the program says itself that it is ready.
  if (settings.waitReady) {
    core.served = () => {};
    settleWhenReady(core);
  }
  process.on("newListener", (event) => {
    if (event === "disconnect") refChannel();
  });
  if (settings.wrapped) handOver(core, settings, seat);
  for (const patch of PATCHES) {
    // On Node none has to be waited for, and what is required cannot wait.
    const late = patch(core, settings);
    if (late !== undefined) await late;
  }
}

/**
 * The program has settled when it says that it is ready. That of a standby is
 * heard by the supervisor when it has taken over.
 */
function settleWhenReady(core: Core): void {
  const { send } = process;
  if (send === undefined) return;
  process.send = function (message: unknown, ...rest: unknown[]) {
    const pass = (): boolean =>
      Reflect.apply(send, this, [message, ...rest]) as boolean;
    if (message !== "ready") return pass();
    claimsOf(core).settle();
    if (!core.standby) return pass();
    core.hold(undefined, () => void pass());
    core.worker.ready();
    return true;
  };
}
