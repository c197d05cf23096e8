import assert from "node:assert/strict";
import type { PoolOptions } from "../../core/options/options.ts";
import { MemoryWorld } from "../../adapters/memory.ts";
import { describe, test } from "../harness.ts";
import { running, settle, type Stage } from "./world.ts";

/** A pool whose only worker speaks HTTP, or not, and is gone for a while. */
async function down(
  ms: number,
  options: Partial<PoolOptions> = {},
  http = true,
  world = new MemoryWorld(),
): Promise<Stage> {
  const made = await running({ workers: 1, ...options }, world);
  const listener = "127.0.0.1:8080";
  if (http) world.processes[0]!.say({ type: "http", listener });
  world.onSpawn = () => {};
  world.processes[0]!.exit({ code: 1 });
  world.advance(ms);
  await settle();
  return made;
}

function answers({ all }: Stage): unknown[] {
  return all("listener-down").map(({ answer, reason }) => reason ?? answer);
}

describe("while no worker is ready", () => {
  test("clients wait at first, are answered then, and not when one is ready", async () => {
    const early = await down(4_999);
    assert.equal(early.world.declined.size, 0);
    const made = await down(5_000);
    const { world, all } = made;
    assert.deepEqual(answers(made), ["503"]);
    for (const declined of world.declined.values()) declined.count = 7;
    world.alive[0]!.getReady();
    // At once, and not when somebody has read the event.
    assert.equal(world.declined.size, 0);
    await settle();
    assert.deepEqual(all("listener-up").map(({ answered }) => answered), [7]);
  });

  test("they wait where nobody may answer", async () => {
    const rows: readonly (readonly [string, Stage])[] = [
      ["no worker has said that it answers", await down(5_000, {}, false)],
      ["that was asked for", await down(5_000, { down: "queue" })],
      [
        "the workers end TLS",
        await down(5_000, { listen: "127.0.0.1:8080?cert=/a&key=/b" }),
      ],
      ["no socket is there", await down(5_000, { share: "reuseport" })],
    ];
    for (const [why, made] of rows) {
      assert.match(String(answers(made)), new RegExp(why));
      assert.equal(made.world.declined.size, 0, why);
    }
    const world = new MemoryWorld();
    world.declines = false;
    assert.match(
      String(answers(await down(5_000, {}, true, world))),
      /node cannot do that/,
    );
  });

  test("every shard is answered for, and programs that say nothing on demand", async () => {
    const made = await down(5_000, { share: "sharded", down: "503" }, false);
    assert.deepEqual(answers(made), ["503"]);
    assert.equal(made.world.declined.size, 8);
  });

  test("they are refused where nobody waits for them, and not when one is ready", async () => {
    const made = await down(4_999, { down: "refuse" });
    const { world, all } = made;
    // A worker starts while that falls due: it may listen by now.
    const [starting] = world.alive;
    assert.ok(starting);
    world.advance(1);
    await settle();
    assert.deepEqual(answers(made), []);
    starting.exit({ code: 1 });
    await settle();
    assert.deepEqual(answers(made), ["refuse"]);
    const state = (): unknown[] => [...world.refused.values()];
    assert.deepEqual(state(), ["closed"]);
    world.advance(1_000);
    await settle();
    assert.deepEqual(state(), ["released"]);
    world.alive[0]!.exit({ code: 1 });
    await settle();
    assert.deepEqual(state(), ["closed"]);
    world.advance(1_000);
    await settle();
    world.alive[0]!.getReady();
    assert.deepEqual(state(), ["open"]);
    await settle();
    assert.equal(all("listener-up").length, 1);
  });

  test("what cannot be closed is accepted, and closed at once", async () => {
    for (const listen of ["unix:/run/s", "unix:@s"]) {
      const made = await down(5_000, { down: "refuse", listen });
      assert.match(String(answers(made)), /cannot be closed/);
      assert.ok(
        made.all("warning").some(({ message }) =>
          message.includes("accepts clients of unix:")
        ),
      );
      assert.equal(made.world.declined.size, 1);
      assert.equal(made.world.refused.size, 0);
    }
  });

  test("another program's workers find it open", async () => {
    const made = await down(5_000, {
      down: "refuse",
      runtime: "exec",
      waitReady: true,
      program: "/bin/other",
    }, false);
    const { world } = made;
    world.alive[0]?.exit({ code: 1 });
    await settle();
    assert.deepEqual([...world.refused.values()], ["closed"]);
    world.advance(1_000);
    await settle();
    assert.deepEqual([...world.refused.values()], ["open"]);
  });

  test("in handoff and on demand who waits here is answered, and who comes", async () => {
    const made = await running({ workers: 1, share: "handoff" });
    const { world, all } = made;
    const [first] = world.processes;
    first!.say({ type: "http", listener: "127.0.0.1:8080" });
    first!.say({ type: "open", id: 1, address: "127.0.0.1:9090", nth: 0 });
    await settle();
    first!.say({ type: "http", listener: "127.0.0.1:9090" });
    world.onSpawn = () => {};
    first!.exit({ code: 1 });
    const early = world.connect();
    world.advance(4_999);
    await settle();
    assert.equal(early.closed, false);
    world.advance(1);
    await settle();
    assert.deepEqual(answers(made), ["503", "503"]);
    assert.equal(early.closed, true);
    assert.equal(world.connect().closed, true);
    world.alive[0]!.getReady();
    const late = world.connect();
    assert.equal(late.closed, false);
    await settle();
    assert.deepEqual(all("listener-up").map(({ answered }) => answered), [
      2,
      0,
    ]);
  });

  test("not when none is wanted, nor when the pool stops", async () => {
    const made = await down(5_000);
    made.pool.scale(0);
    assert.equal(made.world.declined.size, 0);
    const other = await down(5_000);
    const stop = other.pool.stop({ quick: true });
    assert.equal(other.world.declined.size, 0);
    await stop;
  });
});
