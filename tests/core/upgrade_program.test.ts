/** A server in another language takes the place of a pool in memory. */
import assert from "node:assert/strict";
import { type MemoryProcess, MemoryWorld } from "../../adapters/memory.ts";
import type { Accepting } from "../../core/adapter/acceptors.ts";
import { HANDOVER_VARIABLE } from "../../core/listeners/handover.ts";
import type { PoolOptions } from "../../core/options/options.ts";
import { describe, test } from "../harness.ts";
import { running, settle, type Stage } from "./world.ts";

/** A pool, and what is to take its place. */
async function replacing(
  command: readonly string[],
  options: Partial<PoolOptions> = {},
): Promise<Stage & { next: MemoryProcess; upgrade: Promise<unknown> }> {
  const made = await running(options);
  const { acceptors } = made.world.inherited;
  const sockets = made.all("listening").map(() => "has" as const);
  made.world.onSpawn = ({ pid }) =>
    acceptors.set(pid, { sockets, elsewhere: ["127.0.0.1:1"] });
  const upgrade = made.pool.upgrade({ to: { command, cwd: "/srv" } });
  upgrade.catch(() => {});
  await settle();
  return { ...made, upgrade, next: made.world.processes.at(-1)! };
}

/** The program is seen to do this, and is looked at. */
async function seen(
  world: MemoryWorld,
  { pid }: MemoryProcess,
  ...sockets: readonly Accepting[]
): Promise<void> {
  world.inherited.acceptors.set(pid, { sockets, elsewhere: [] });
  for (let i = 0; i < 4; i++) {
    world.advance(200);
    await settle();
  }
}

describe("a server in another language that succeeds a pool", () => {
  test("gets its sockets as a worker of that kind, and has all once it accepts", async () => {
    const made = await replacing(["unicorn", "-c", "u.rb"], {
      listen: ["127.0.0.1:8080", "unix:/s"],
      pidFile: "pid",
    });
    const { world, pool, next } = made;
    const { plan } = next;
    assert.equal(plan.cwd, "/srv");
    assert.equal(plan.output, "inherit");
    // It is not to end with this process, nor to say anything to it.
    assert.doesNotMatch(plan.command.join(" "), /pdeathsig/);
    assert.match(
      plan.command.join(" "),
      /NODE_CHANNEL_FD>&-".*unset NODE_CHANNEL_FD.*LISTEN_PID=\$\$ exec "\$@" sh \/bin\/unicorn -c u\.rb$/,
    );
    assert.equal(next.env["LISTEN_FDS"], "2");
    assert.equal(next.env["PWD"], "/srv");
    assert.equal(next.env[HANDOVER_VARIABLE], undefined);
    await seen(world, next, "has", "has");
    assert.equal(pool.status().state, "upgrading");
    await seen(world, next, "waits", "waits");
    await made.upgrade;
    assert.equal(pool.status().state, "stopping");
    for (const each of world.alive) if (each !== next) each.exit();
    await pool.stop();
    assert.deepEqual(world.abandoned, ["127.0.0.1:8080", "unix:/s"]);
    assert.deepEqual(world.pidFiles, [
      "claim new /here/pid",
      "move aside /here/pid",
      `leave to ${next.pid} /here/pid`,
      "remove /here/pid",
    ]);
    assert.ok(next.alive && next.released);
    assert.deepEqual(next.heard, []);
  });

  test("changes nothing where it ends, closes them, or is never seen to accept", async () => {
    const ends = [
      [
        (made) => Promise.resolve(made.next.exit({ code: 3 })),
        /it ended with code 3 bef/,
      ],
      [
        (made) => seen(made.world, made.next, "closed"),
        /it has closed the pool's socket: its configuration needs a "listen"/,
      ],
      [
        async (made) => {
          made.world.advance(60_000);
          await settle();
        },
        /the program has not waited for connections on 127.0.0.1:8080 in 60 s, it listens on 127.0.0.1:1$/,
      ],
    ] as readonly (readonly [
      (made: Awaited<ReturnType<typeof replacing>>) => Promise<void>,
      RegExp,
    ])[];
    for (const [end, why] of ends) {
      const made = await replacing(["nginx"]);
      const { world, pool, next } = made;
      await end(made);
      await assert.rejects(made.upgrade, { code: "ERR_UPGRADE", message: why });
      if (next.alive) {
        // As that server is ended: whom it has accepted it may serve.
        assert.equal(next.signals[0], "SIGQUIT");
        next.exit();
      }
      await settle();
      assert.equal(pool.status().state, "running");
      assert.equal(world.alive.length, 2);
      assert.deepEqual(world.abandoned, []);
      await pool.stop({ quick: true });
    }
  });

  test("is gone back to where it crashes, with keepOld", async () => {
    const made = await replacing(["unicorn"], { keepOld: 60_000 });
    const { world, pool, next } = made;
    await seen(world, next, "waits");
    await made.upgrade;
    await settle();
    for (const each of world.alive) if (each !== next) each.exit();
    await settle();
    assert.equal(pool.status().ready, 0);
    world.onSpawn = (process) => queueMicrotask(() => process.getReady());
    next.exit({ code: 1 });
    await settle();
    assert.equal(pool.status().ready, 2);
    await pool.stop({ quick: true });
  });

  const refusals: readonly (readonly [
    readonly string[],
    Partial<PoolOptions>,
    RegExp,
  ])[] = [
    [["app.js"], {}, /"app\.js" runs JavaScript/],
    [["node", "app.js"], {}, /"node" runs JavaScript/],
    [["unicorn"], { share: "sharded" }, /is sharded, so that it has a queue/],
    [["php-fpm"], {}, /has O_NONBLOCK for the sake of this pool's workers/],
    [
      ["unicorn"],
      { listen: ":80?proxy=v2" },
      /has "proxy", which only prefork's workers understand/,
    ],
  ];
  for (const [command, options, why] of refusals) {
    test(`is refused: ${command.join(" ")} ${JSON.stringify(options)}`, async () => {
      const { pool, world } = await running(options);
      const { started } = world;
      await assert.rejects(pool.upgrade({ to: { command } }), {
        code: "ERR_STATE",
        message: why,
      });
      assert.equal(world.started, started);
      assert.equal(pool.status().state, "running");
      await pool.stop({ quick: true });
    });
  }

  test("is refused to process 1, which cannot leave", async () => {
    const world = new MemoryWorld();
    world.pid = 1;
    const { pool } = await running({}, world);
    const command = ["unicorn"];
    await assert.rejects(pool.upgrade({ to: { command } }), {
      code: "ERR_STATE",
      message: /its supervisor is process 1/,
    });
    assert.equal(world.alive.length, 2);
    await pool.stop({ quick: true });
  });
});
