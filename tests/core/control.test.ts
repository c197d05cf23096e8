import assert from "node:assert/strict";
import type { ControlAnswer } from "../../core/control/socket.ts";
import { describe, test } from "../harness.ts";
import { handed, succeeding, upgrading, word } from "./upgrade_world.ts";
import { running, settle, type Stage, stage } from "./world.ts";

/** Asks a pool as whoever connects to its socket does. */
function ask(
  { world }: Stage,
  request: string,
): Promise<ControlAnswer> {
  const [method = "", url = ""] = request.split(" ");
  const { pathname: path, searchParams: query } = new URL(url, "http://x");
  assert.ok(world.control !== undefined, "it cannot be asked");
  const asked = { method, path, query, accept: "" };
  return world.control(asked) as Promise<ControlAnswer>;
}

const errorOf = ({ body }: ControlAnswer): Record<string, string> =>
  body["error"] as Record<string, string>;

/** A running pool that can be asked. */
const asked = (options: Parameters<typeof running>[0] = {}): Promise<Stage> =>
  running({ control: "auto", soak: 0, ...options });

describe("a pool that is asked", () => {
  test("says who it is and how", async () => {
    const scene = await asked();
    const { status, body } = await ask(scene, "GET /v1/status");
    assert.equal(status, 200);
    assert.equal(body["prefork"], 1);
    const { name, pid } = body["pool"] as Record<string, unknown>;
    assert.deepEqual([name, pid], ["127.0.0.1-8080", 1000]);
    assert.deepEqual(body["status"], scene.pool.status());
  });

  for (
    const [listen, name] of [
      [":8080", "8080"],
      ["[::1]:80", "1-80"],
      ["unix:/run/app/web.sock", "web"],
      ["unix:@some/name", "name"],
    ] as const
  ) {
    test(`at ${listen} it is called ${name}`, async () => {
      const { all } = await asked({ listen });
      assert.deepEqual(
        all("control-opened").map(({ path }) => path),
        [`/run/${name}.sock`],
      );
    });
  }

  test("has the name and the place that it was given", async () => {
    const { all } = await asked({ name: "web" });
    assert.equal(all("control-opened")[0]?.path, "/run/web.sock");
    const other = await asked({ control: "/srv/c", name: "web" });
    assert.equal(other.all("control-opened")[0]?.path, "/srv/c");
  });

  test("scales to a number and by one", async () => {
    const scene = await asked({ maxWorkers: 4 });
    const to = await ask(scene, "POST /v1/scale?to=4");
    assert.deepEqual([to.status, to.body["scale"]], [200, { from: 2, to: 4 }]);
    const by = await ask(scene, "POST /v1/scale?by=-1");
    assert.deepEqual(by.body["scale"], { from: 4, to: 3 });
    assert.equal(scene.pool.status().wanted, 3);
  });

  for (
    const [request, status, message] of [
      ["POST /v1/scale?to=9", 400, /"workers"/],
      ["POST /v1/scale?to=many", 400, /"many" for "to"/],
      ["POST /v1/scale", 400, /without "to"/],
      ["POST /v1/restart?slot=7", 400, /slot 7.* 0 to 1$/],
      ["POST /v1/stop?quick=perhaps", 400, /"perhaps" for "quick"/],
      ["GET /v1/reload", 405, /by POST$/],
      ["POST /v1/status", 405, /by GET$/],
      ["POST /v1/logs", 405, /by GET$/],
      ["GET /v1/logs?lines=many", 400, /"many" for "lines"/],
      ["GET /v1/logs", 409, /Cannot read the log of the pool: a program runs/],
      ["GET /v2/status", 404, /\/v1\/status, \/v1\/reload/],
      ["GET /", 404, /"\/"/],
      ["POST /v1/constructor", 404, /\/v1\/constructor/],
    ] as const
  ) {
    test(`${request} is answered ${status} and changes nothing`, async () => {
      const scene = await asked({ maxWorkers: 4 });
      const answer = await ask(scene, request);
      assert.equal(answer.status, status);
      assert.match(errorOf(answer)["message"]!, message);
      assert.equal(scene.pool.status().wanted, 2);
      assert.equal(scene.pool.status().state, "running");
    });
  }

  test("answers a reload when that is over", async () => {
    const scene = await asked();
    const answer = ask(scene, "POST /v1/reload");
    let over = false;
    void answer.then(() => over = true);
    while (!over) {
      for (const process of scene.world.alive) {
        if (process.wasTold("drain")) process.exit();
      }
      scene.world.advance(100);
      await settle();
    }
    const { status, body } = await answer;
    assert.equal(status, 200);
    assert.equal((body["reload"] as { state: string }).state, "finished");
    assert.equal(scene.pool.status().generation, 2);
  });

  test("says why a reload has failed", async () => {
    const scene = await asked();
    scene.world.onSpawn = (process) =>
      void Promise.resolve().then(() => process.exit({ code: 1 }));
    const answer = await ask(scene, "POST /v1/reload");
    assert.equal(answer.status, 500);
    assert.equal(errorOf(answer)["code"], "ERR_RELOAD");
    assert.match(errorOf(answer)["message"]!, /slot 0.* code 1/);
    assert.equal(scene.pool.status().ready, 2);
  });

  test("restarts the worker of a slot, the next one first", async () => {
    const scene = await asked();
    assert.equal((await ask(scene, "POST /v1/restart?slot=1")).status, 200);
    await settle();
    assert.equal(scene.world.alive.length, 3);
    assert.deepEqual(scene.all("worker-recycling").map(({ slot }) => slot), [
      1,
    ]);
  });

  test("stops, says so meanwhile, and cannot be asked any more", async () => {
    const scene = await asked();
    assert.equal((await ask(scene, "POST /v1/stop")).status, 200);
    const late = await ask(scene, "POST /v1/reload");
    assert.equal(late.status, 409);
    assert.match(errorOf(late)["message"]!, /it is stopping$/);
    const { body } = await ask(scene, "GET /v1/status");
    assert.equal((body["status"] as { state: string }).state, "stopping");
    for (const process of scene.world.alive) process.exit();
    await settle();
    assert.equal(scene.pool.status().state, "stopped");
    assert.equal(scene.world.control, undefined);
  });

  test("can be asked before its first worker is ready", async () => {
    const scene = stage({ control: "auto" });
    void scene.pool.start().catch(() => {});
    await settle();
    const { body } = await ask(scene, "GET /v1/status");
    assert.equal((body["status"] as { state: string }).state, "starting");
    await scene.pool.stop({ quick: true });
  });
});

describe("a pool that cannot be asked", () => {
  test("by default is none", async () => {
    const { world, types } = await asked({ control: "off" });
    assert.equal(world.control, undefined);
    assert.ok(!types().some((type) => type.startsWith("control-")));
  });

  test("runs, and says why", async () => {
    const scene = stage({ control: "auto" });
    scene.world.controlProblem = "the disk is full";
    scene.world.onSpawn = (process) =>
      void Promise.resolve().then(() => process.getReady());
    await scene.pool.start();
    await settle();
    assert.deepEqual(
      scene.all("control-off").map(({ reason }) => reason),
      ["the disk is full"],
    );
    assert.equal(scene.pool.status().state, "running");
  });
});

describe("in an upgrade", () => {
  test("the old one is asked until the new one has the sockets", async () => {
    const { world, pool, successor, upgrade } = await upgrading({
      control: "auto",
    });
    assert.ok(world.control !== undefined);
    word(successor, { type: "ready" });
    await upgrade;
    await settle();
    assert.equal(world.control, undefined);
    await pool.stop({ quick: true });
  });

  test("and again when it has them back", async () => {
    const { world, pool, successor, upgrade } = await upgrading({
      control: "auto",
      keepOld: 60_000,
    });
    word(successor, { type: "ready" });
    await upgrade;
    await settle();
    assert.equal(world.control, undefined);
    successor.exit();
    await settle();
    assert.ok(world.control !== undefined);
    await pool.stop({ quick: true });
  });

  test("the new one is asked from when it has them", async () => {
    const { world, pool, tell, started } = await succeeding(
      { listeners: [handed("127.0.0.1:8080")] },
      { control: "auto" },
    );
    assert.equal(world.control, undefined);
    tell({ type: "yours" });
    await started;
    await settle();
    assert.ok(world.control !== undefined);
    await pool.stop({ quick: true });
  });
});
