/** Both supervisors of an upgrade, each in a world in memory of its own. */
import assert from "node:assert/strict";
import { MemoryWorld } from "../../adapters/memory.ts";
import type { BindRequest } from "../../core/adapter.ts";
import { PreforkError } from "../../core/errors.ts";
import {
  decodeHandover,
  HANDOVER_VARIABLE,
} from "../../core/listeners/handover.ts";
import { wordIn } from "../../core/upgrade/words.ts";
import { describe, test } from "../harness.ts";
import {
  COMMAND,
  handed,
  succeeding,
  upgrading,
  word,
} from "./upgrade_world.ts";
import { running, settle } from "./world.ts";

describe("the supervisor that is succeeded", () => {
  test("starts its own command with every socket, and leaves once it is ready", async () => {
    const made = await upgrading({
      listen: ["127.0.0.1:0", "unix:/s"],
      pidFile: "pid",
    });
    const { pool, world, successor } = made;
    assert.deepEqual(successor.plan.command, COMMAND);
    assert.equal(successor.plan.output, "inherit");
    const { pid, listeners, opened, workers } = decodeHandover(
      successor.env[HANDOVER_VARIABLE]!,
    );
    assert.equal(pid, 1000);
    assert.equal(workers, undefined);
    assert.deepEqual(opened, []);
    assert.deepEqual(
      listeners.map(({ asked, address, fds }) => [asked, address, fds]),
      [
        ["127.0.0.1:0", "127.0.0.1:40000", [3]],
        ["unix:/s", "unix:/s", [4]],
      ],
    );
    assert.equal(pool.status().state, "upgrading");
    word(successor, { type: "ready" });
    await made.upgrade;
    assert.deepEqual(successor.heard.map(wordIn), [{ type: "yours" }]);
    assert.equal(pool.status().state, "stopping");
    for (const each of world.alive) if (each !== successor) each.exit();
    await pool.stop();
    assert.deepEqual(world.abandoned, ["127.0.0.1:40000", "unix:/s"]);
    assert.deepEqual(world.pidFiles, [
      "claim new /here/pid",
      "set aside /here/pid",
      "remove /here/pid",
    ]);
    assert.ok(successor.alive && successor.released);
    assert.deepEqual(made.all("upgrade-finished"), [
      { type: "upgrade-finished", pid: successor.pid, ms: 0 },
    ]);
  });

  test("goes on when the other one gives up, and says why", async () => {
    const made = await upgrading();
    const { pool, world, successor } = made;
    word(successor, { type: "failed", reason: "no port left" });
    await assert.rejects(made.upgrade, {
      code: "ERR_UPGRADE",
      message: "Cannot upgrade the pool: no port left",
    });
    assert.deepEqual(successor.signals, ["SIGTERM"]);
    // As soon as it is known, and not only when the other one has drained.
    assert.equal(pool.status().state, "running");
    await assert.rejects(
      pool.upgrade(),
      /of the last upgrade .* not ended yet/,
    );
    successor.exit();
    await settle();
    assert.equal(world.alive.length, 2);
    assert.deepEqual(world.abandoned, []);
    // And another one may be tried.
    const again = pool.upgrade();
    await settle();
    word(world.processes.at(-1)!, { type: "ready" });
    await again;
  });

  test("goes on when the other one ends without a word", async () => {
    const made = await upgrading({ pidFile: "/pid" });
    made.successor.exit({ code: 4 });
    await assert.rejects(made.upgrade, /it ended with code 4 before/);
    assert.equal(made.world.pidFiles.at(-1), "take back /pid");
    assert.equal(made.pool.status().state, "running");
  });

  test("ends one that is never ready: SIGTERM, and SIGKILL after the grace", async () => {
    const made = await upgrading({ startTimeout: 1000, grace: 500 });
    made.world.advance(2000);
    await assert.rejects(made.upgrade, /it was not ready after 2000 ms/);
    assert.deepEqual(made.successor.signals, ["SIGTERM"]);
    made.world.advance(500);
    assert.deepEqual(made.successor.signals, ["SIGTERM", "SIGKILL"]);
    await settle();
    assert.equal(made.pool.status().state, "running");
  });

  test("is one at a time, and holds back what would change the pool meanwhile", async () => {
    const { pool, world, all, successor } = await upgrading({ signals: true });
    await assert.rejects(pool.upgrade(), /another upgrade goes on/);
    await assert.rejects(async () => await pool.reload(), /being upgraded/);
    assert.throws(() => pool.scale(3), /being upgraded/);
    for (const signal of ["SIGUSR2", "SIGHUP", "SIGTTIN"] as const) {
      world.signal(signal);
    }
    await settle();
    assert.equal(world.processes.at(-1), successor);
    assert.match(
      all("warning").map(({ message }) => message).join("\n"),
      /goes on.*\n.*goes on.*\n.*"reload".*\n.*"more"/,
    );
  });

  test("takes the other one along when it is stopped", async () => {
    const { pool, world, successor, upgrade } = await upgrading();
    const stopped = pool.stop();
    assert.deepEqual(successor.signals, ["SIGTERM"]);
    word(successor, { type: "ready" });
    await assert.rejects(upgrade, /it is stopping/);
    for (const each of world.alive) each.exit();
    await stopped;
    assert.deepEqual(world.abandoned, []);
    assert.equal(world.bound.size, 0);
  });

  test("hands over how many workers there are, where that was changed", async () => {
    const made = await running({ upgradeCommand: COMMAND });
    made.pool.scale(3);
    await made.pool.ready();
    made.pool.upgrade().catch(() => {});
    await settle();
    const { env } = made.world.processes.at(-1)!;
    assert.equal(decodeHandover(env[HANDOVER_VARIABLE]!).workers, 3);
  });

  test("is refused without a command, while a reload goes on, and without workers", async () => {
    const { pool, all } = await running();
    await assert.rejects(pool.upgrade(), /give it "upgradeCommand"/);
    assert.equal(all("upgrade-failed").length, 1);
    void pool.reload();
    await assert.rejects(pool.upgrade(), /a reload goes on/);
    const other = await running();
    other.pool.scale(0);
    await assert.rejects(other.pool.upgrade(), /SIGHUP brings them back/);
  });

  test("is refused where all would end with it: as the main process of a service that hears nothing", async () => {
    const { pool, world } = await running({ upgradeCommand: COMMAND });
    const { length } = world.processes;
    world.env["SYSTEMD_EXEC_PID"] = "1000";
    await assert.rejects(pool.upgrade(), {
      code: "ERR_STATE",
      message: /systemd ends the service .* Type=notify .*; SIGHUP replaces/,
    });
    // A successor inherits the variable, with the pid of the first one.
    world.pid = 1001;
    pool.upgrade().catch(() => {});
    await settle();
    assert.equal(world.processes.length, length + 1);
  });

  test("names its successor to the service manager before it leaves, or goes on", async () => {
    const world = new MemoryWorld();
    world.env["SYSTEMD_EXEC_PID"] = "1000";
    world.env["NOTIFY_SOCKET"] = "/run/notify";
    const made = await running({ upgradeCommand: COMMAND }, world);
    const { pool } = made;
    const ready = /^READY=1\nSTATUS=2 of 2 workers ready, generation 1$/;
    assert.match(world.notified.at(-1)!, ready);
    const first = world.notified.length;
    world.onSpawn = () => {};
    const upgrade = pool.upgrade();
    await settle();
    const lost = world.processes.at(-1)!;
    world.deaf = "it is full";
    word(lost, { type: "ready" });
    const why = /cannot be told which process .* because it is full; SIGHUP/;
    await assert.rejects(upgrade, why);
    assert.deepEqual(lost.signals, ["SIGTERM"]);
    lost.exit();
    await settle();
    assert.equal(pool.status().state, "running");
    await assert.rejects(pool.upgrade(), why);

    // It is asked again whether it hears.
    world.deaf = undefined;
    const again = pool.upgrade();
    await settle();
    const successor = world.processes.at(-1)!;
    assert.deepEqual(world.notified.slice(first), ["READY=1"]);
    word(successor, { type: "ready" });
    await again;
    assert.equal(world.notified.at(-1), `MAINPID=${successor.pid}`);
    assert.deepEqual(successor.heard.map(wordIn), [{ type: "yours" }]);
  });

  test("says where it cannot tell that it serves", async () => {
    const world = new MemoryWorld();
    world.env["NOTIFY_SOCKET"] = "@notify";
    world.deaf = "libc is not there";
    const { all } = await running({}, world);
    assert.match(
      all("warning")[0]!.message,
      /cannot be told that the pool serves, because libc is not there/,
    );
  });
});

describe("the supervisor that succeeds", () => {
  test("has the sockets, the port and as many workers as the one before", async () => {
    const made = await succeeding({
      workers: 3,
      listeners: [
        handed("127.0.0.1:0", { address: "127.0.0.1:4711", fds: [9] }),
      ],
    }, { listen: "127.0.0.1:0", pidFile: "/pid" });
    assert.deepEqual(made.world.pidFiles, ["claim 77 /pid"]);
    assert.deepEqual(made.said, [{ type: "ready" }]);
    const { listeners, workers } = made.pool.status();
    assert.deepEqual(listeners.map(({ address }) => address), [
      "127.0.0.1:4711",
    ]);
    assert.equal(workers.length, 3);
    assert.equal(made.world.processes[0]!.plan.inherits[0]!.fd, 9);
    assert.deepEqual(made.all("taken-over"), []);
    made.tell({ type: "yours" });
    await made.started;
    await settle();
    assert.deepEqual(made.all("taken-over"), [{
      type: "taken-over",
      from: 77,
    }]);
  });

  test("listens where the one before has learned to", async () => {
    const made = await succeeding({
      listeners: [handed("127.0.0.1:3000"), handed("unix:/s", { fds: [4] })],
    }, { listen: "program" });
    assert.equal(made.all("learning").length, 0);
    assert.deepEqual(
      made.pool.status().listeners.map(({ address }) => address),
      ["127.0.0.1:3000", "unix:/s"],
    );
  });

  test("keeps every shard, and has those accepted on that have no slot", async () => {
    const made = await succeeding({
      listeners: [handed("127.0.0.1:80", {
        mode: "sharded",
        fds: [3, 4, 5],
        claim: 6,
      })],
      shards: [0, 1, 2],
    }, { listen: "127.0.0.1:80", share: "sharded", maxWorkers: 2 });
    const [first] = made.world.processes;
    assert.deepEqual(first!.plan.inherits.map(({ fd }) => fd), [3, 4, 5]);
    const adopted = made.world.alive.flatMap(({ heard }) =>
      heard.filter((each) => (each as { type?: string }).type === "adopt")
    );
    assert.deepEqual(
      adopted.map((each) => (each as { shard?: number }).shard),
      [2],
    );
  });

  test("binds the shards that the one before had not", async () => {
    const made = await succeeding({
      listeners: [handed("127.0.0.1:80", { mode: "sharded", fds: [3] })],
    }, { listen: "127.0.0.1:80", share: "sharded", maxWorkers: 3 });
    const [first] = made.world.processes;
    assert.deepEqual(first!.plan.inherits.map(({ fd }) => fd), [3, 10, 10]);
  });

  test("keeps the map of its shards, and hands it on, whether it steers or not", async () => {
    for (const steers of [true, false]) {
      const world = new MemoryWorld();
      if (steers) world.steered.problem = undefined;
      const { steered } = world;
      for (const slot of [0, 1]) steered.put.add(slot);
      const make = steered.steer.bind(steered);
      steered.steer = (slots) => {
        const made = make(slots);
        // As workers say that they write.
        for (const slot of [0, 1]) made.table.set(slot, "writer", slot + 1);
        return made;
      };
      const made = await succeeding({
        listeners: [
          handed("127.0.0.1:80", { mode: "sharded", fds: [3, 4], map: 33 }),
        ],
        shards: [0, 1],
      }, {
        listen: "127.0.0.1:80",
        share: "sharded",
        maxWorkers: 2,
        upgradeCommand: COMMAND,
      }, world);
      made.tell({ type: "yours" });
      await made.started;
      assert.deepEqual(steered.maps, steers ? [33] : []);
      // The one before goes on choosing until then.
      assert.deepEqual(steered.done, steers ? ["attach"] : []);
      world.onSpawn = () => {};
      made.pool.upgrade().catch(() => {});
      await settle();
      const { plan } = world.processes.at(-1)!;
      assert.deepEqual(plan.inherits.map(({ fd }) => fd), [3, 4, 33]);
      const { PREFORK_HANDOVER: text = "" } = plan.env([5, 6, 7]);
      assert.equal(decodeHandover(text).listeners[0]!.map, 7);
    }
  });

  test("accepts nothing in handoff before all is its own", async () => {
    const made = await succeeding({
      listeners: [handed("127.0.0.1:80", { mode: "handoff" })],
    }, { listen: "127.0.0.1:80", share: "handoff" });
    assert.throws(() => made.world.connect(), /Nobody accepts/);
    made.tell({ type: "yours" });
    made.world.connect();
    assert.equal(
      made.world.alive.flatMap(({ received }) => received).length,
      1,
    );
  });

  test("closes what it has no listener for, once all is its own, and says so", async () => {
    const made = await succeeding({
      listeners: [handed("127.0.0.1:80"), handed("unix:/gone", { fds: [4] })],
    }, { listen: "127.0.0.1:80" });
    assert.ok(made.world.bound.has("unix:/gone"));
    made.tell({ type: "yours" });
    await made.started;
    await settle();
    assert.ok(!made.world.bound.has("unix:/gone"));
    assert.match(made.all("warning").at(-1)!.message, /closed "unix:\/gone"/);
  });

  test("gives an address that workers ask for its socket, and closes it when none does", async () => {
    const opened = [
      handed("127.0.0.1:9000 0", {
        address: "127.0.0.1:9000",
        mode: "handoff",
      }),
      handed("127.0.0.1:9001 0", {
        address: "127.0.0.1:9001",
        mode: "handoff",
      }),
    ];
    const made = await succeeding({ opened });
    made.tell({ type: "yours" });
    await made.started;
    const [worker] = made.world.alive;
    worker!.say({ type: "open", id: 1, address: "127.0.0.1:9000", nth: 0 });
    await settle();
    assert.ok(worker!.wasTold("opened"));
    made.world.advance(60_000);
    await settle();
    assert.match(
      made.all("warning").at(-1)!.message,
      /closed "127.0.0.1:9001"/,
    );
    assert.ok(made.world.bound.has("127.0.0.1:9000"));
  });

  test("gives up when a worker does not come up, and leaves the sockets to the one before", async () => {
    const made = await succeeding(
      { listeners: [handed("127.0.0.1:80")] },
      { listen: "127.0.0.1:80", soak: 1000 },
    );
    assert.equal(made.said.length, 0);
    made.world.pending = { queued: 1, handshakes: 0 };
    // One crashes in the soak time, and the one after it does not boot.
    made.world.onSpawn = (process) =>
      queueMicrotask(() => process.exit({ code: 1 }));
    made.world.alive[0]!.exit({ code: 1 });
    await settle();
    made.world.advance(200);
    await settle();
    assert.deepEqual(made.said.map((each) => each?.type), ["failed"]);
    for (const each of made.world.alive) each.exit();
    await settle();
    made.world.advance(1000);
    await assert.rejects(made.started, { code: "ERR_BOOT" });
    assert.deepEqual(made.world.abandoned, ["127.0.0.1:80"]);
    assert.equal(made.world.sealed.length, 0);
  });

  test("keeps none of the sockets where one is not there", async () => {
    const world = new MemoryWorld();
    const { bind } = world.adapter;
    const gone = (request: BindRequest) =>
      request.inherited?.fd !== 4 ? bind(request) : Promise.reject(
        new PreforkError("ERR_BIND", "Cannot use descriptor 4: it is closed"),
      );
    Object.assign(world.adapter, { bind: gone });
    const made = await succeeding(
      {
        listeners: [handed("127.0.0.1:80"), handed("unix:/gone", { fds: [4] })],
        opened: [handed("127.0.0.1:81", { fds: [5] })],
        monitors: [handed("127.0.0.1:82", { fds: [6] })],
      },
      {},
      world,
    );
    await assert.rejects(made.started, { code: "ERR_BIND" });
    // Those behind it, too.
    assert.deepEqual(
      made.world.abandoned.sort(),
      ["127.0.0.1:80", "127.0.0.1:81", "127.0.0.1:82"],
    );
    assert.deepEqual(made.world.started, 0);
  });

  test("goes on when the one before is killed", async () => {
    const made = await succeeding({ listeners: [handed("127.0.0.1:8080")] });
    made.die();
    await made.started;
    assert.equal(made.pool.status().state, "running");
  });

  test("refuses sockets of another kind than the mode needs", async () => {
    const made = await succeeding(
      { listeners: [handed("127.0.0.1:80")] },
      { listen: "127.0.0.1:80", share: "sharded" },
    );
    await assert.rejects(made.started, /"balanced" until now and would be "sh/);
    assert.deepEqual(made.said.map((each) => each?.type), ["failed"]);
  });

  test("says of what it cannot read that it cannot", () => {
    for (const text of ["", "{}", `{"version":2}`, `{"version":1,"pid":-1}`]) {
      assert.throws(() => decodeHandover(text), /^TypeError: Cannot take over/);
    }
  });
});
