/**
 * What an event costs in a pool of many slots: the real supervisor, with
 * workers that exist in memory only.
 *
 * @module
 */

import process from "node:process";
import { type MemoryProcess, MemoryWorld } from "../../adapters/memory.ts";
import { Traffic } from "../../core/balance/traffic.ts";
import { checkOptions } from "../../core/options/check.ts";
import type { ShareMode } from "../../core/adapter.ts";
import { prepare } from "../../core/preflight.ts";
import { Supervisor } from "../../core/supervise/supervisor.ts";
import { createRandom } from "../../tests/random.ts";

/** A pool, and how an event after the other happens to it. */
export interface ScaledPool {
  /** Has so many events happen; the CPU time of each, in microseconds. */
  run(events: number): number;
}

/** How long a worker lives on average, however many there are; in ms. */
const LIFE_MS = 100_000;

/** So many events for each slot, and all workers are replaced by a reload. */
const RELOAD_EVERY = 50;

/** Starts a pool of so many slots, beyond what a user may ask for. */
export async function scaledPool(
  slots: number,
  share: ShareMode,
): Promise<ScaledPool> {
  const world = new MemoryWorld();
  const { adapter } = world;
  const prepared = await prepare(
    checkOptions({
      program: "app.js",
      listen: "127.0.0.1:8080",
      workers: 1,
      share,
      soak: 0,
      probation: 0,
      hangTimeout: 0,
      maxRequests: 1_000,
    }),
    adapter,
    () => Promise.resolve([]),
  );
  const { config, listeners } = prepared;
  const supervisor = new Supervisor(
    {
      ...prepared,
      adapter,
      maxWorkers: slots,
      traffic: new Traffic(config, listeners, adapter, () => {}),
      emit: () => {},
    },
    {
      onReady: () => {},
      onHopeless: (error) => {
        throw error;
      },
      onEmpty: () => {},
      onFailing: () => {},
      onScale: () => {},
    },
  );
  const random = createRandom(slots);
  /** Who accepts, by slot. */
  const serving: MemoryProcess[] = [];
  const born: MemoryProcess[] = [];
  const leaving: MemoryProcess[] = [];
  let count = 0;
  let reloadAt = 0;

  world.onSpawn = (one) => {
    born.push(one);
    const { send } = one;
    one.send = (message) => {
      const { type } = message as { type: string };
      if (type === "drain") leaving.push(one);
      return send.call(one, message);
    };
  };

  /** Whoever was started comes up, and whoever was asked to leave does. */
  function settle(): void {
    for (;;) {
      const one = born.pop();
      if (one !== undefined) {
        one.say({ type: "hello", runtime: "memory", pid: one.pid });
        one.say({ type: "ready" });
        serving[Number(one.env["PREFORK_SLOT"])] = one;
        count += 2;
        continue;
      }
      const other = leaving.pop();
      if (other === undefined) return;
      other.exit();
      count++;
    }
  }

  function happen(): void {
    // Nobody but us would look at those that are gone.
    world.processes.length = 0;
    world.advance(LIFE_MS / slots);
    settle();
    const one = serving[random.whole(0, slots - 1)]!;
    // Its slot waits: it has crashed early, and more than once.
    if (!one.alive) return;
    const dice = random.next();
    if (dice < 0.4) one.exit({ code: 1 });
    else if (dice < 0.7) one.say({ type: "leaving" });
    else one.say({ type: "spent", count: 1_000 });
    count++;
    settle();
    if (one.alive) {
      one.exit();
      count++;
    }
    if (count < reloadAt) return;
    reloadAt = count + RELOAD_EVERY * slots;
    supervisor.reload().catch(() => {});
    settle();
  }

  supervisor.scale(slots);
  settle();
  const { filled } = supervisor.counts;
  if (filled !== slots) throw new Error(`${filled} of ${slots} are ready`);
  return {
    run(events) {
      count = 0;
      reloadAt = RELOAD_EVERY * slots / 2;
      const began = process.cpuUsage();
      while (count < events) happen();
      const { user, system } = process.cpuUsage(began);
      const { filled } = supervisor.counts;
      if (filled < 0.9 * slots) throw new Error(`${filled} are ready`);
      return (user + system) / count;
    },
  };
}
