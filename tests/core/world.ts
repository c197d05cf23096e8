/** What the tests of the core share: a pool in a world in memory. */
import { MemoryWorld } from "../../adapters/memory.ts";
import type { PoolEvent } from "../../core/events.ts";
import type { PoolOptions } from "../../core/options/options.ts";
import { PoolCore } from "../../core/pool.ts";

/** A pool, its world and what it told so far. */
export interface Stage {
  readonly world: MemoryWorld;
  readonly pool: PoolCore;
  readonly events: PoolEvent[];
  /** The types of the events so far, without those of output. */
  types(): string[];
  /** The events of one type so far. */
  all<T extends PoolEvent["type"]>(type: T): Extract<PoolEvent, { type: T }>[];
}

/**
 * Sets up a pool of two workers that do nothing by themselves. Its reloads are
 * over with the last slot and leave nobody waiting, unless a test is about that.
 */
export function stage(
  options: Partial<PoolOptions> = {},
  world: MemoryWorld = new MemoryWorld(),
): Stage {
  const pool = new PoolCore(
    {
      program: "app.js",
      listen: "127.0.0.1:8080",
      workers: 2,
      // These answer nothing unless a test has them do so.
      hangTimeout: 0,
      probation: 0,
      rollback: "none",
      ...options,
    },
    () => Promise.resolve(world.adapter),
  );
  const events: PoolEvent[] = [];
  const reading = pool.events();
  (async () => {
    for await (const event of reading) events.push(event);
  })();
  return {
    world,
    pool,
    events,
    types: () => events.map(({ type }) => type),
    all: <T extends PoolEvent["type"]>(type: T) =>
      events.filter((event) => event.type === type) as Extract<
        PoolEvent,
        { type: T }
      >[],
  };
}

/** Lets everything happen that needs no time: promises and their followers. */
export async function settle(): Promise<void> {
  for (let i = 0; i < 50; i++) await Promise.resolve();
}

/** A pool whose workers are all ready. */
export async function running(
  options: Partial<PoolOptions> = {},
  world: MemoryWorld = new MemoryWorld(),
): Promise<Stage> {
  const made = stage(options, world);
  world.onSpawn = (process) => queueMicrotask(() => process.getReady());
  await made.pool.start();
  await settle();
  return made;
}
