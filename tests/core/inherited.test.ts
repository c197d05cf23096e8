/** A pool that listens on sockets which it was started with. */
import type { SocketFacts } from "../../core/inherited/socket.ts";
import assert from "node:assert/strict";
import { MemoryWorld } from "../../adapters/memory.ts";
import type { Heritage } from "../../core/listeners/heritage.ts";
import { checkOptions } from "../../core/options/check.ts";
import { WHERE_PROGRAM } from "../../core/options/options.ts";
import { chooseListeners } from "../../core/preflight.ts";
import { describe, test } from "../harness.ts";
import { world } from "./inherited_world.ts";
import { running, settle, stage } from "./world.ts";

describe("a pool on sockets of its parent", () => {
  test("says whose they are, passes no variable on, and never refuses on them", async () => {
    const made = world();
    made.onSpawn = (process) => queueMicrotask(() => process.getReady());
    const { pool, all, events } = stage(
      { listen: ["systemd:web", ":9002"], down: "refuse", workers: 1 },
      made,
    );
    await pool.start();
    await settle();
    assert.deepEqual(
      all("listening").map(({ name, address }) => `${name} ${address}`),
      ["web 127.0.0.1:9000", ":9002 :9002"],
    );
    assert.match(
      all("listening")[0]!.reason,
      /^descriptor 3 "web" of systemd's LISTEN_FDS; one queue/,
    );
    const warnings = all("warning").map(({ message }) => message).join("\n");
    assert.match(warnings, /nobody accepts on "127.0.0.1:9001"/);
    assert.match(warnings, /"refuse" .* of web and closes them at once/);
    const env = made.processes[0]!.plan.env([3, 4]);
    assert.equal(env["LISTEN_PID"], undefined);
    assert.equal(env["LISTEN_FDNAMES"], undefined);
    assert.ok(events.length > 0);
    await pool.stop({ quick: true });
  });

  test("is on them at a cold start too for which some were kept", async () => {
    const made = world({
      NOTIFY_SOCKET: "/run/notify",
      FDSTORE: "4",
      LISTEN_FDS: "4",
      LISTEN_FDNAMES: "web:api:unknown:prefork.pool.l.old.0",
    });
    made.inherited.listening(6, "127.0.0.1", 9003);
    made.onSpawn = (process) => queueMicrotask(() => process.getReady());
    const { pool, all } = stage({
      listen: ["systemd:web", "127.0.0.1:9001"],
      metrics: ":9002",
    }, made);
    await pool.start();
    await settle();
    assert.deepEqual(
      all("listening").map(({ name, reason }) =>
        `${name} ${/^descriptor \d/.exec(reason)}`
      ),
      ["web descriptor 3", "127.0.0.1:9001 descriptor 4"],
    );
    // Nothing tells what was kept: it is closed.
    assert.ok(made.abandoned.includes("127.0.0.1:9003"));
    await pool.stop({ quick: true });
  });

  test("looks where its program listens, as at first, where none were kept", () => {
    const config = checkOptions({ program: "app.js", listen: WHERE_PROGRAM });
    const none = { isAlone: true, specs: [], handed: [] } as unknown;
    const found = (made: MemoryWorld) =>
      chooseListeners(config, made.adapter, false, none as Heritage).specs;
    assert.equal(found(new MemoryWorld()), undefined);
    assert.equal(found(world())?.length, 3);
  });

  test("its monitors are on them too, by address and by name", async () => {
    const made = world();
    made.onSpawn = (process) => queueMicrotask(() => process.getReady());
    const { pool, all } = stage({
      listen: "systemd:web",
      health: "systemd:api",
      metrics: ":9002",
    }, made);
    await pool.start();
    await settle();
    assert.deepEqual(
      [...made.bound.keys()].sort(),
      ["127.0.0.1:9000", "127.0.0.1:9001", ":9002"],
    );
    assert.ok(
      !all("warning").some(({ message }) => message.startsWith("nobody")),
    );
    await pool.stop({ quick: true });
  });

  test("of Einhorn: it is told when all is ready, and its USR2 ends the pool", async () => {
    const made = new MemoryWorld();
    Object.assign(made.env, {
      EINHORN_MASTER_PID: "999",
      EINHORN_SOCK_PATH: "/tmp/einhorn.sock",
      EINHORN_FD_COUNT: "1",
      EINHORN_FD_0: "7",
    });
    made.inherited.listening(7, "127.0.0.1", 9000);
    made.onSpawn = (process) => queueMicrotask(() => process.getReady());
    const { pool, types } = stage({ listen: ":9000", signals: true }, made);
    made.inherited.listening(7, "", 9000);
    await pool.start();
    await settle();
    const word = `{"command":"worker:ack","pid":1000}\n`;
    assert.deepEqual(made.inherited.said, [`/tmp/einhorn.sock ${word}`]);
    made.signal("SIGUSR2");
    await settle();
    assert.ok(types().includes("stopping"));
    assert.ok(!types().includes("upgrade-started"));
    await pool.stop({ quick: true });
  });

  test("a word to Einhorn that cannot be said is told of", async () => {
    const made = new MemoryWorld();
    Object.assign(made.env, {
      EINHORN_MASTER_PID: "999",
      EINHORN_SOCK_PATH: "/x",
    });
    made.inherited.deaf = "nobody is there";
    const { pool, all } = await running({}, made);
    assert.match(
      all("warning").map(({ message }) => message).join(),
      /Einhorn cannot be told that the pool serves, because nobody is there: /,
    );
    await pool.stop({ quick: true });
  });

  describe("a connection to Einhorn (-g)", () => {
    const connection: SocketFacts = {
      ...{ type: "stream", family: "Unix" },
      ...{ listens: false, blocks: true },
    };
    const address = { kind: "unix", path: "/own", abstract: false } as const;
    const text = `{"command":"worker:ack","pid":1000}\n`;
    const none =
      /Einhorn cannot be told that the pool serves, because EINHORN_SOCK_FD=5 is no connection to it: /;
    const rows: readonly (readonly [
      string,
      SocketFacts | string,
      { path?: string; deaf?: string; heard?: true; warns?: RegExp },
    ])[] = [
      ["is written to where there is no path", connection, { heard: true }],
      ["is left alone where the path is there", connection, { path: "/e" }],
      [
        "is written to where nobody is at the path",
        connection,
        { path: "/e", deaf: "nobody is there", heard: true },
      ],
      ["that is closed is told of", "is not open", { warns: none }],
      [
        "that listens is none",
        { ...connection, listens: true },
        { warns: none },
      ],
      ["that has a path is none", { ...connection, address }, { warns: none }],
      ["of TCP is none", { ...connection, family: "IPv4" }, { warns: none }],
      [
        "of datagrams is none",
        { ...connection, type: "datagram" },
        { warns: none },
      ],
      [
        "that is closed is none to go back to",
        "is not open",
        {
          path: "/e",
          deaf: "nobody is there",
          warns: /because nobody is there/,
        },
      ],
    ];
    for (const [what, facts, { path, deaf, heard, warns }] of rows) {
      test(what, async () => {
        const made = new MemoryWorld();
        Object.assign(made.env, {
          EINHORN_MASTER_PID: "999",
          EINHORN_SOCK_FD: "5",
          ...(path && { EINHORN_SOCK_PATH: path }),
        });
        made.inherited.set(5, facts);
        made.inherited.deaf = deaf;
        const { pool, all } = await running({}, made);
        const lines = made.notified.filter((each) => each.startsWith("line"));
        assert.deepEqual(lines, heard ? [`line 5${text}`] : []);
        const said = path === undefined || deaf ? [] : [`${path} ${text}`];
        assert.deepEqual(made.inherited.said, said);
        const warnings = all("warning").map(({ message }) => message).join();
        if (warns) assert.match(warnings, warns);
        else assert.equal(warnings, "");
        await pool.stop({ quick: true });
      });
    }
  });

  test("says which of them is there where an address is in use", async () => {
    const made = world();
    made.taken.add(":9000");
    const { pool } = stage({ listen: ":9000" }, made);
    await assert.rejects(pool.start(), {
      code: "ERR_BIND",
      message:
        /in use; nobody accepts on "127.0.0.1:9000" \(descriptor 3 "web" of systemd's LISTEN_FDS\)/,
    });
  });
});
