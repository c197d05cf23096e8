/** The end of a pool's listeners: who has come is accepted, then they close. */
import assert from "node:assert/strict";
import { MemoryWorld } from "../../adapters/memory.ts";
import type { PoolOptions } from "../../core/options/options.ts";
import { describe, test } from "../harness.ts";
import { running, settle, type Stage } from "./world.ts";

const ADDRESS = "127.0.0.1:8080";

/** A pool on whose way somebody is, and which is told to stop. */
async function stopping(
  options: Partial<PoolOptions> = {},
  pending: MemoryWorld["pending"] = { queued: 1, handshakes: 0 },
): Promise<Stage> {
  const world = new MemoryWorld();
  world.pending = pending;
  const made = await running({ signals: true, ...options }, world);
  world.signal("SIGTERM");
  return made;
}

const drains = ({ world }: Stage): boolean[] =>
  world.alive.map((one) => one.wasTold("drain"));

const isOpen = ({ world }: Stage): boolean => world.bound.has(ADDRESS);

describe("a pool that ends", () => {
  test("lets nobody in, has workers accept who has come, closes, and drains", async () => {
    const made = await stopping();
    const { world, pool, all } = made;
    assert.equal(world.sealed.length, 1);
    assert.equal(pool.status().state, "stopping");
    assert.throws(() => pool.scale(3), /it is stopping/);
    world.advance(1_000);
    assert.deepEqual(drains(made), [false, false]);
    assert.ok(isOpen(made));
    // Who was in a handshake is in the queue a moment later.
    world.pending = { queued: 0, handshakes: 1 };
    world.advance(100);
    world.pending = { queued: 1, handshakes: 0 };
    world.advance(1_000);
    assert.deepEqual(drains(made), [false, false]);
    world.pending = { queued: 0, handshakes: 0 };
    world.advance(10);
    assert.deepEqual(drains(made), [true, true]);
    // Not before each has stopped to accept.
    for (const process of world.alive) {
      world.advance(100);
      assert.ok(isOpen(made));
      process.say({ type: "heard", count: process.heard.length });
    }
    // And before they are gone: who comes now is to go elsewhere at once.
    world.advance(10);
    assert.ok(!isOpen(made));
    for (const process of world.alive) process.exit();
    await settle();
    assert.equal(pool.status().state, "stopped");
    assert.deepEqual(all("stopping"), [{ type: "stopping", quick: false }]);
  });

  test("waits for handshakes until the kernel has repeated its answer", async () => {
    const made = await stopping({}, { queued: 0, handshakes: 7 });
    made.world.advance(1_190);
    assert.deepEqual(drains(made), [false, false]);
    made.world.advance(20);
    assert.deepEqual(drains(made), [true, true]);
  });

  test("waits for half of the grace at most, and drains in the rest of it", async () => {
    const made = await stopping({ grace: 10_000 });
    const { world } = made;
    world.advance(4_990);
    assert.deepEqual(drains(made), [false, false]);
    world.advance(10);
    assert.deepEqual(drains(made), [true, true]);
    const [told] = world.alive[0]!.heard.filter((each) =>
      (each as { type: string }).type === "drain"
    );
    assert.equal((told as { ms: number }).ms, 5_000);
    world.advance(5_000);
    assert.equal(world.alive.length, 0);
  });

  test("lets clients in for the drain delay, and not after it", async () => {
    const made = await stopping({ drainDelay: 5_000 });
    const { world, all } = made;
    world.advance(4_999);
    assert.equal(world.sealed.length, 0);
    world.advance(1);
    assert.equal(world.sealed.length, 1);
    assert.deepEqual(drains(made), [false, false]);
    world.pending = { queued: 0, handshakes: 0 };
    world.advance(10);
    assert.deepEqual(drains(made), [true, true]);
    await settle();
    assert.equal(all("stopping").length, 2);
  });

  test("waits for nobody at a second signal, nor at stop() without a delay", async () => {
    const signalled = await stopping();
    signalled.world.signal("SIGTERM");
    signalled.world.advance(250);
    assert.deepEqual(drains(signalled), [false, false]);
    signalled.world.signal("SIGTERM");
    assert.deepEqual(drains(signalled), [true, true]);
    const asked = await stopping();
    void asked.pool.stop();
    assert.deepEqual(drains(asked), [false, false]);
    void asked.pool.stop({ delay: false });
    assert.deepEqual(drains(asked), [true, true]);
  });

  test("kills at a quick stop, at once", async () => {
    const made = await stopping();
    void made.pool.stop({ quick: true });
    assert.equal(made.world.alive.length, 0);
    await settle();
    assert.equal(made.pool.status().state, "stopped");
    // And nothing is left that would wake up.
    assert.equal(made.world.timers, 0);
  });

  test("waits for nobody whom no worker accepts", async () => {
    const world = new MemoryWorld();
    world.pending = { queued: 1, handshakes: 0 };
    const made = await running({ signals: true }, world);
    world.onSpawn = () => {};
    for (const process of world.alive) process.exit({ code: 1 });
    world.advance(1);
    world.signal("SIGTERM");
    world.advance(10);
    assert.deepEqual(
      made.world.alive.map(({ signals }) => signals),
      [["SIGTERM"], ["SIGTERM"]],
    );
  });

  test("leaves a socket of its parent's as it is", async () => {
    const made = await stopping({ listen: "fd:7" });
    const { world } = made;
    assert.equal(world.sealed.length, 0);
    assert.deepEqual(drains(made), [true, true]);
    assert.ok(world.bound.has("fd:7"));
  });
});
