/**
 * What the supervisor answers by itself.
 *
 * Runs once, under bun: it is all in memory.
 */
import assert from "node:assert/strict";
import { MemoryWorld } from "../../adapters/memory.ts";
import type { TextAnswer } from "../../core/control/socket.ts";
import {
  decodeHandover,
  HANDOVER_VARIABLE,
} from "../../core/listeners/handover.ts";
import { PoolCore } from "../../core/pool.ts";
import { describe, test } from "../harness.ts";
import { handed, succeeding, upgrading, word } from "./upgrade_world.ts";
import { running, settle, type Stage, stage } from "./world.ts";

const HEALTH = ":9000";

/** Asks as whoever connects to the address does. */
async function ask(
  { world }: Stage,
  request: string,
): Promise<TextAnswer> {
  const [method = "", path = ""] = request.split(" ");
  const [answer] = world.answers;
  assert.ok(answer !== undefined, "nobody answers");
  const query = new URLSearchParams();
  return await answer({ method, path, query, accept: "" }) as TextAnswer;
}

const brief = async (scene: Stage, request: string): Promise<string> => {
  const { status, text } = await ask(scene, request);
  return `${status} ${text.trim()}`;
};

/** Refuses options, and says how. */
function refused(options: Parameters<typeof stage>[0]): string {
  try {
    stage(options);
  } catch (error) {
    return (error as Error).message;
  }
  return "they were taken";
}

describe("/ready", () => {
  test("is 200 from the first ready worker on, and as long as one is", async () => {
    const scene = stage({ health: HEALTH });
    void scene.pool.start().catch(() => {});
    await settle();
    const { world } = scene;
    assert.equal(
      await brief(scene, "GET /ready"),
      "503 not ready: 0 of 2 workers, and 1 has to be",
    );
    world.processes[1]!.getReady();
    await settle();
    assert.equal(await brief(scene, "GET /ready"), "200 ready: 1 of 2 workers");
    world.onSpawn = () => {};
    world.processes[1]!.exit({ code: 1 });
    await settle();
    assert.match(await brief(scene, "GET /ready"), /^503 /);
    assert.equal(await brief(scene, "GET /live"), "200 live: starting");
  });

  test("wants as many as minReady says", async () => {
    const scene = await running({ health: HEALTH, minReady: 2 });
    assert.match(await brief(scene, "GET /ready"), /^200 /);
    scene.world.onSpawn = () => {};
    scene.world.processes[0]!.exit({ code: 1 });
    await settle();
    assert.equal(
      await brief(scene, "GET /ready"),
      "503 not ready: 1 of 2 workers, and 2 have to be",
    );
  });

  test("is 503 from the wish to stop on, while /live is 200 to the end", async () => {
    const scene = await running({ health: HEALTH, drainDelay: 5_000 });
    const { pool, world } = scene;
    void pool.stop();
    assert.equal(
      await brief(scene, "GET /ready"),
      "503 not ready: it is stopping",
    );
    world.advance(5_000);
    assert.match(await brief(scene, "GET /ready"), /^503 .*stopping$/);
    assert.equal(await brief(scene, "GET /live"), "200 live: stopping");
    for (const each of world.alive) each.exit();
    await pool.stop();
    assert.deepEqual([...world.answers, ...world.bound.keys()], []);
  });

  test("is 200 through a reload", async () => {
    const scene = await running({ health: HEALTH, minReady: 2, soak: 0 });
    void scene.pool.reload();
    for (let i = 0; i < 20; i++) {
      assert.match(await brief(scene, "GET /ready"), /^200 ready: /);
      for (const each of scene.world.alive) {
        if (each.wasTold("drain")) each.exit();
      }
      scene.world.advance(100);
      await settle();
    }
    assert.equal(scene.pool.status().generation, 2);
  });
});

test("other paths are 404, and other methods than GET and HEAD 405", async () => {
  const scene = await running({ health: HEALTH });
  assert.equal(
    await brief(scene, "GET /"),
    `404 "/" is not answered here, there are /ready and /live`,
  );
  assert.match(await brief(scene, "GET /constructor"), /^404 /);
  assert.match(await brief(scene, "HEAD /ready"), /^200 /);
  const { status, headers } = await ask(scene, "POST /ready");
  assert.deepEqual([status, headers["allow"]], [405, "GET, HEAD"]);
});

describe("an address that cannot be", () => {
  for (
    const [options, message] of [
      [{ health: "web=:9000" }, /"web=:9000" for "health": .*write ":9000"/],
      [{ health: ":9000?share=handoff" }, /write ":9000" without/],
      [{ health: ":9000?proxy=v2" }, /write ":9000" without/],
      [{ health: "9000/x" }, /"9000\/x": an address is one of/],
      [{ health: "127.0.0.1:8080" }, /workers listen there/],
      [{ health: "" }, /"" for "health"/],
      [{ minReady: 0 }, /0 for "minReady": it must be .* from 1 to 2, the/],
      [{ minReady: 3 }, /3 for "minReady": it must be .* from 1 to 2, the/],
    ] as const
  ) {
    test(JSON.stringify(options), () => {
      assert.match(refused(options), message);
    });
  }

  test("is taken: nothing is started, and what was opened is closed", async () => {
    const world = new MemoryWorld();
    world.taken.add(HEALTH);
    const scene = stage({ health: HEALTH }, world);
    await assert.rejects(scene.pool.start(), { code: "ERR_BIND" });
    assert.deepEqual([...world.bound.keys()], []);
    assert.equal(world.started, 0);
  });

  test("is where the supervisor cannot accept, and it says why", async () => {
    const world = new MemoryWorld({
      handoff: { reason: "it has no libc", instead: "--allow-ffi" },
    });
    const scene = stage({ health: HEALTH }, world);
    await assert.rejects(
      scene.pool.start(),
      /":9000": .* because it has no libc, .* use --allow-ffi$/,
    );
  });

  test("a program that is not there leaves it closed", async () => {
    const scene = stage({ health: HEALTH, program: "missing.js" });
    await assert.rejects(scene.pool.start());
    assert.deepEqual([...scene.world.bound.keys()], []);
    assert.deepEqual(scene.world.answers, []);
  });
});

describe("in an upgrade", () => {
  test("the socket is the successor's, and its path stays", async () => {
    const health = "unix:/run/health";
    const { world, upgrade, successor, pool } = await upgrading({ health });
    const { monitors } = decodeHandover(
      successor.plan.env([7, 8])[HANDOVER_VARIABLE]!,
    );
    assert.deepEqual(
      monitors?.map(({ asked, fds }) => [asked, fds]),
      [[health, [8]]],
    );
    word(successor, { type: "ready" });
    await upgrade;
    // Before anything drains.
    assert.deepEqual(world.abandoned, [health]);
    for (const each of world.alive) if (each !== successor) each.exit();
    await pool.stop();
    assert.ok(world.bound.has(health), "it is not closed");
  });

  test("a successor takes it over, and closes one that it has not", async () => {
    const handover = {
      listeners: [handed("127.0.0.1:8080", { fds: [3] })],
      monitors: [handed(HEALTH, { fds: [4], mode: "handoff" })],
    };
    const same = await succeeding(handover, { health: HEALTH });
    assert.equal(same.world.bound.get(HEALTH)?.[0]?.fd, 4);
    assert.match(await brief(same, "GET /ready"), /^200 /);
    const other = await succeeding(handover, { health: ":9001" });
    assert.equal(other.world.bound.get(":9001")?.[0]?.fd, 10);
    other.tell({ type: "yours" });
    await other.started;
    await settle();
    assert.match(other.all("warning")[0]!.message, /^closed ":9000"/);
  });

  test("one that stays tells those who came before what was so then, and is asked again when it is gone back to", async () => {
    const made = await upgrading({ health: HEALTH, keepOld: 60_000 });
    const { world, successor, upgrade, all } = made;
    const workers = world.alive.filter((each) => each !== successor);
    word(successor, { type: "ready" });
    await upgrade;
    for (const each of workers) each.exit();
    await settle();
    assert.equal(await brief(made, "GET /ready"), "200 ready: 2 of 2 workers");
    assert.throws(() => world.connect(), /Nobody accepts/);
    world.onSpawn = () => {};
    // As one that was killed: with 0 both would end.
    successor.exit({ code: null, signal: "SIGKILL" });
    await settle();
    assert.equal(all("taken-back").length, 1);
    assert.match(await brief(made, "GET /ready"), /^503 .* 0 of 2 workers/);
    assert.equal(world.connect().closed, true, "it is answered");
  });

  test("who has none is told of none", async () => {
    const { successor } = await upgrading();
    const text = successor.plan.env([7])[HANDOVER_VARIABLE]!;
    assert.doesNotMatch(text, /monitors/);
  });
});

test("a pool that is only made answers nobody", () => {
  const world = new MemoryWorld();
  const options = { program: "app.js", health: HEALTH };
  assert.ok(new PoolCore(options, () => Promise.resolve(world.adapter)));
  assert.deepEqual(world.answers, []);
});
