import assert from "node:assert/strict";
import type { MemoryProcess } from "../../adapters/memory.ts";
import { type Asked, poolAddresses } from "../../core/listeners/learning.ts";
import { END_MS, REST_MS } from "../../core/supervise/learning.ts";
import type { PoolOptions } from "../../core/options/options.ts";
import { formatAddress, parseListener } from "../../core/options/address.ts";
import { describe, test } from "../harness.ts";
import { settle, stage } from "./world.ts";

/** A pool that was not told where to listen, and the start that shows it. */
async function learning(options: Partial<PoolOptions> = {}) {
  const made = stage({ listen: "program", ...options });
  const started = made.pool.start();
  started.catch(() => {});
  await settle();
  const program = made.world.processes[0]!;
  program.say({ type: "hello", runtime: "memory", pid: program.pid });
  return { ...made, started, program };
}

/** Has the program listen somewhere; returns the answer. */
async function open(program: MemoryProcess, address: string, nth = 0) {
  program.say({ type: "open", id: 7, address, nth });
  await settle();
  const answer = program.heard.at(-1) as Record<string, unknown>;
  program.say({ type: "heard", count: 1 });
  return answer;
}

/** Has it come to rest, and lets it end if it is asked to. */
async function rest({ world, program }: Awaited<ReturnType<typeof learning>>) {
  program.say({ type: "ready" });
  await settle();
  world.advance(REST_MS);
  await settle();
  if (program.wasTold("wake")) program.say({ type: "heard", count: 1 });
  await settle();
  if (program.wasTold("drain")) program.exit();
  await settle();
}

describe("a pool that listens where its program does", () => {
  test("starts the program once, and then its workers on the same addresses", async () => {
    const scene = await learning();
    const { world, program, started, pool, all, types } = scene;
    assert.equal(world.processes.length, 1);
    assert.equal(pool.status().state, "starting");
    assert.deepEqual(
      [program.env["PREFORK_SLOT"], program.env["PREFORK_GENERATION"]],
      ["1", "0"],
    );
    assert.equal(program.env["PORT"], undefined);
    const { type, address } = await open(program, "127.0.0.1:3000?backlog=9");
    assert.deepEqual([type, address], ["opened", "127.0.0.1:3000"]);
    await open(program, "metrics=127.0.0.1:9100");
    // Nobody accepts yet, whatever comes.
    assert.throws(() => world.connect(), /Nobody accepts/);
    await rest(scene);
    assert.deepEqual(types(), [
      "learning",
      "listening",
      "listening",
      "worker-started",
      "worker-started",
    ]);
    assert.deepEqual(
      all("listening").map((
        { name, address, share },
      ) => [name, address, share]),
      [
        ["127.0.0.1:3000", "127.0.0.1:3000", "balanced"],
        ["metrics", "127.0.0.1:9100", "balanced"],
      ],
    );
    const [, worker] = world.processes;
    assert.equal(worker!.env["PREFORK_GENERATION"], "1");
    assert.equal(worker!.env["PORT"], "3000");
    const [first] = JSON.parse(worker!.env["PREFORK_LISTENERS"]!);
    assert.equal(first.backlog, 9);
    for (const each of world.processes.slice(1)) each.getReady();
    await started;
    assert.equal(pool.status().state, "running");
  });

  test("waits for one more address as long as they come", async () => {
    const scene = await learning();
    const { world, program } = scene;
    await open(program, ":3000");
    program.say({ type: "ready" });
    await settle();
    world.advance(REST_MS - 1);
    await open(program, ":3001");
    world.advance(REST_MS - 1);
    await settle();
    assert.equal(program.wasTold("wake"), false);
    world.advance(1);
    await settle();
    assert.equal(program.wasTold("wake"), true);
    // It was kept from running: what it says now came before.
    await open(program, ":3002");
    await settle();
    assert.equal(program.wasTold("drain"), false);
    await rest(scene);
    assert.deepEqual([...world.bound.keys()], [":3000", ":3001", ":3002"]);
  });

  test("waits for a program that has closed all that it listened on", async () => {
    const scene = await learning();
    const { world, program } = scene;
    const leave = async () => {
      program.say({ type: "left", listener: ":3000" });
      await settle();
    };
    await open(program, ":3000");
    await open(program, ":3000");
    await leave();
    // Its second server has it still.
    assert.equal(world.bound.get(":3000")?.length, 1);
    await leave();
    assert.equal(world.bound.get(":3000")?.length ?? 0, 0);
    await rest(scene);
    assert.equal(program.wasTold("drain"), false);
    await open(program, ":3001");
    await rest(scene);
    assert.deepEqual([...world.bound.keys()], [":3001"]);
  });

  test("what cannot be bound is the program's to know, and the error if it ends", async () => {
    const scene = await learning();
    const { world, program, started } = scene;
    world.taken.add(":3000");
    assert.deepEqual((await open(program, ":3000"))["code"], "EADDRINUSE");
    program.exit({ code: 1 });
    await assert.rejects(started, {
      code: "ERR_BIND",
      message: "Cannot listen on :3000: in use",
    });
    assert.equal(world.bound.size, 0);
    assert.equal(world.processes.length, 1);
  });

  test("what overlaps with a server of its own is taken, as it is by hand", async () => {
    const { program } = await learning();
    const answers: unknown[] = [];
    for (
      const address of [
        "127.0.0.1:1",
        "127.0.0.1:1?backlog=7",
        "0.0.0.0:1",
        "[::]:1",
        "[::]:1?ipv6Only=1",
        "127.0.0.2:1",
        ":2",
        "127.0.0.1:2",
      ]
    ) answers.push((await open(program, address))["code"]);
    assert.deepEqual(answers, [
      undefined,
      undefined,
      "EADDRINUSE",
      "EADDRINUSE",
      undefined,
      undefined,
      undefined,
      "EADDRINUSE",
    ]);
  });

  test("a program that tries the next port gets it", async () => {
    const scene = await learning();
    scene.world.taken.add(":3000");
    await open(scene.program, ":3000");
    await open(scene.program, ":3001");
    await rest(scene);
    assert.deepEqual([...scene.world.bound.keys()], [":3001"]);
  });

  test("one that does not end by itself is ended, and nobody is told", async () => {
    const scene = await learning();
    const { world, program, types } = scene;
    await open(program, ":3000");
    const { exit } = program;
    program.exit = () => {};
    await rest(scene);
    program.exit = exit;
    world.advance(END_MS);
    await settle();
    assert.deepEqual(program.signals, ["SIGKILL"]);
    assert.deepEqual(types().slice(0, 2), ["learning", "listening"]);
  });

  test("a program that ends or stays silent does not boot", async () => {
    const { program, started } = await learning();
    program.exit({ code: 3 });
    await assert.rejects(started, {
      code: "ERR_BOOT",
      message:
        "Cannot start the program: it exited with code 3 before it was ready",
    });
    const silent = await learning();
    silent.world.advance(60_000);
    await assert.rejects(silent.started, {
      code: "ERR_BOOT",
      message: /has not called listen\(\) in 60 s: .*"--wait-ready"/,
    });
    assert.equal(silent.world.alive.length, 0);
  });

  test("one that says that it is ready without listening makes a pool without", async () => {
    const scene = await learning({ waitReady: true });
    await rest(scene);
    assert.deepEqual(scene.all("listening"), []);
    assert.equal(scene.world.alive.length, 2);
  });

  for (const quick of [false, true]) {
    test(`is stopped meanwhile, quick: ${quick}`, async () => {
      const { world, pool, program, started, types } = await learning({
        signals: true,
      });
      await open(program, ":3000");
      world.signal("SIGHUP");
      world.signal("SIGINT");
      if (quick) {
        // One that comes sooner counts as the first one's echo.
        world.advance(250);
        world.signal("SIGINT");
      } else {
        assert.equal(pool.status().state, "stopping");
        program.exit();
      }
      await pool.stop();
      await assert.rejects(started, { code: "ERR_STATE" });
      assert.equal(types().at(-1), "stopped");
      assert.deepEqual([world.alive.length, world.bound.size], [0, 0]);
      assert.equal(world.signal("SIGTERM"), false);
    });
  }

  test("warnings of workers are told once", async () => {
    const { program, all } = await learning();
    for (let i = 0; i < 2; i++) program.say({ type: "warn", message: "mind" });
    await settle();
    assert.deepEqual(all("warning").map(({ message }) => message), ["mind"]);
  });

  test("a program in another language gets the default", async () => {
    const { world } = await learning({ program: "app", runtime: "exec" });
    assert.deepEqual([...world.bound.keys()], [":8080"]);
    assert.equal(world.processes[0]!.env["PREFORK_GENERATION"], "1");
  });
});

test("what of a program's addresses is the pool's", () => {
  const asked = (...texts: string[]): Asked[] =>
    texts.map((text, i) => {
      const spec = parseListener(text);
      const { address } = spec;
      const free = address.kind === "tcp" && address.port === 0;
      return { spec, real: free ? { ...address, port: 50_000 + i } : address };
    });
  const got = (alone: boolean, ...texts: string[]) =>
    poolAddresses(asked(...texts), alone).map(({ name, address }) => [
      name,
      formatAddress(address),
    ]);
  const port = (text: string) => [text, text];
  assert.deepEqual(
    got(false, "unix:/run/42", ":0", ":3000", "127.0.0.1:9100"),
    [port(":3000"), port("127.0.0.1:9100")],
  );
  assert.deepEqual(got(true, ":3000", ":9100"), [port(":3000")]);
  assert.deepEqual(got(false, ":0", "unix:/a", "unix:/b"), [port("unix:/a")]);
  assert.deepEqual(got(false, "[::1]:0", ":0"), [port("[::1]:50000")]);
  assert.deepEqual(got(false, "web=:0"), [["web", ":50000"]]);
  assert.deepEqual(got(false), []);
});
