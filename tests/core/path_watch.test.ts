import assert from "node:assert/strict";
import { MemoryWorld } from "../../adapters/memory.ts";
import { LOOK_MS } from "../../core/listeners/path_watch.ts";
import { describe, test } from "../harness.ts";
import { running, settle } from "./world.ts";

const ADDRESS = "unix:/run/s";
const AGAIN = `"${ADDRESS}" was removed, and is there again`;

describe("a path that was removed is put back", () => {
  test("when a worker is ready, when one is gone, and after a while", async () => {
    const { world, pool, all } = await running({ listen: ADDRESS });
    const mended = async (): Promise<number> => {
      await settle();
      assert.equal(world.removed.size, 0);
      const messages = all("warning").map(({ message }) => message);
      return messages.filter((message) => message === AGAIN).length;
    };
    world.removed.add(ADDRESS);
    world.advance(LOOK_MS);
    assert.equal(await mended(), 1);
    world.removed.add(ADDRESS);
    world.alive[0]!.exit();
    assert.equal(await mended(), 2);
    world.removed.add(ADDRESS);
    void pool.reload().catch(() => undefined);
    assert.equal(await mended(), 3);
    world.advance(10 * LOOK_MS);
    assert.equal(await mended(), 3);
    await pool.stop({ quick: true });
  });

  test("nothing is looked at without one, or once the pool has ended", async () => {
    const world = new MemoryWorld();
    const { pool } = await running({ listen: ADDRESS }, world);
    await pool.stop({ quick: true });
    world.removed.add(ADDRESS);
    world.advance(LOOK_MS);
    assert.equal(world.removed.size, 1);
  });
});
