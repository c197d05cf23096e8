import assert from "node:assert/strict";
import { type MemoryProcess, MemoryWorld } from "../../adapters/memory.ts";
import type { ProcessLook } from "../../core/adapter/look.ts";
import type { PoolOptions } from "../../core/options/options.ts";
import { evidenceOf, isStarved } from "../../core/supervise/evidence.ts";
import { describe, test } from "../harness.ts";
import { settle, type Stage, stage } from "./world.ts";

/** Milliseconds; a worker is asked every 1000. */
const TIMEOUT = 3000;

/** What a process does that idles. */
const IDLE: ProcessLook = {
  pid: 1001,
  state: "S",
  session: 1001,
  cpu: 100,
  mainCpu: 90,
  waited: 0,
  rss: 50_000_000,
  dumps: false,
  syscall: "epoll_wait",
};

/** A pool in memory whose workers answer unless they hang. */
interface Scene extends Stage {
  readonly hanging: Set<MemoryProcess>;
  /** Whether new workers become ready. */
  readonly boots: { now: boolean };
  /** Lets time pass in small steps. */
  pass(ms: number): Promise<void>;
}

async function scene(options: Partial<PoolOptions> = {}): Promise<Scene> {
  const world = new MemoryWorld();
  const hanging = new Set<MemoryProcess>();
  const boots = { now: true };
  const made = stage({ hangTimeout: TIMEOUT, ...options }, world);
  world.onSpawn = (process) => {
    const send = process.send.bind(process);
    process.send = (message) => {
      const sent = send(message);
      const asked = (message as { type?: unknown }).type === "wake";
      if (asked && !hanging.has(process)) {
        process.say({ type: "heard", count: 1 });
      }
      return sent;
    };
    if (boots.now) queueMicrotask(() => process.getReady());
  };
  await made.pool.start();
  return {
    ...made,
    hanging,
    boots,
    async pass(ms) {
      for (let passed = 0; passed < ms; passed += 100) {
        world.advance(100);
        await settle();
      }
    },
  };
}

describe("a worker that does not answer", () => {
  test("is killed and replaced as after a crash, in its time and not before", async () => {
    const { world, pass, hanging, all } = await scene();
    const [first, second] = world.processes;
    await pass(10 * TIMEOUT);
    assert.deepEqual(world.alive, [first, second]);
    hanging.add(first!);
    await pass(TIMEOUT - 100);
    assert.deepEqual(world.alive, [first, second]);
    await pass(TIMEOUT);
    assert.deepEqual(first!.signals, ["SIGKILL"]);
    assert.deepEqual(second!.signals, []);
    assert.equal(world.alive.length, 2);
    const [hung] = all("worker-hung");
    assert.equal(hung!.pid, first!.pid);
    assert.ok(hung!.silent >= TIMEOUT);
    assert.equal(hung!.loop, "stalled");
    assert.equal(all("worker-exited")[0]!.reason, "hung");
    assert.match(all("worker-respawning")[0]!.reason, /hung: its event loop/);
  });

  test("on Node is asked for its stack, unless it is stopped or that is not wanted", async () => {
    const told = async (
      runtime: string,
      state: string,
      options: Partial<PoolOptions> = {},
    ): Promise<unknown> => {
      const { world, pass, hanging, all } = await scene(options);
      const [first] = world.processes;
      first!.say({ type: "hello", runtime, pid: first!.pid });
      world.looks.set(first!.pid, { ...IDLE, state });
      world.stacks.set(first!.pid, "f (app.js:1:2)");
      hanging.add(first!);
      await pass(3 * TIMEOUT);
      assert.deepEqual(first!.signals, ["SIGKILL"]);
      return all("worker-hung")[0]!.stack;
    };
    assert.equal(await told("node", "R"), "f (app.js:1:2)");
    assert.equal(await told("node", "T"), "unavailable");
    assert.equal(await told("deno", "R"), "f (app.js:1:2)");
    assert.equal(await told("bun", "R"), "unavailable");
    const none = { hangStack: "none" } as const;
    assert.equal(await told("node", "R", none), "unavailable");
    const thread = { hangStack: "thread" } as const;
    assert.equal(await told("node", "R", thread), "unavailable");
  });

  test("tells its stack by a thread, as of this time and not of one before", async () => {
    const { world, pass, hanging, all } = await scene({ hangStack: "thread" });
    const [first] = world.processes;
    assert.equal(first!.env["PREFORK_STACK_AFTER"], String(TIMEOUT / 3));
    const tell = (calls: string): void => first!.say({ type: "stack", calls });
    const now = "g (file:///b.js:2:3)\nh (node:fs:1:1)\nf (file:///a.js:1:2)";
    tell(now);
    await pass(TIMEOUT);
    hanging.add(first!);
    await pass(TIMEOUT);
    tell(now);
    await pass(2 * TIMEOUT);
    assert.equal(all("worker-hung")[0]!.stack, "g (/b.js:2:3) < f (/a.js:1:2)");
    const other = await scene({ hangStack: "thread" });
    const [old] = other.world.processes;
    old!.say({ type: "stack", calls: now });
    await other.pass(TIMEOUT);
    other.hanging.add(old!);
    await other.pass(3 * TIMEOUT);
    assert.equal(other.all("worker-hung")[0]!.stack, "unavailable");
  });

  test("is asked once and not again and again", async () => {
    const { world, pass, hanging } = await scene();
    const [first] = world.processes;
    hanging.add(first!);
    const before = first!.heard.length;
    await pass(TIMEOUT);
    assert.ok(first!.heard.length <= before + 1);
  });

  test("is found by a clock that only grows, whatever the machine's does", async () => {
    const { world, pass, hanging, all } = await scene();
    const { now } = Date;
    try {
      for (const jump of [-3_600_000, 3_600_000]) {
        Date.now = () => now() + jump;
        await pass(3 * TIMEOUT);
      }
      assert.deepEqual(all("worker-hung"), []);
      hanging.add(world.processes[0]!);
      Date.now = now;
      await pass(TIMEOUT - 100);
      Date.now = () => now() - 3_600_000;
      await pass(TIMEOUT);
      assert.equal(all("worker-hung").length, 1);
    } finally {
      Date.now = now;
    }
  });

  test("that answers in the last moment is left alone", async () => {
    const { world, pass, hanging, all } = await scene();
    const [first] = world.processes;
    hanging.add(first!);
    await pass(TIMEOUT - 500);
    hanging.delete(first!);
    first!.say({ type: "heard", count: 1 });
    await pass(10 * TIMEOUT);
    assert.deepEqual(all("worker-hung"), []);
  });

  test("hears SIGABRT a second before SIGKILL where that is wanted, and has a minute for its core dump", async () => {
    const { world, pass, hanging, all } = await scene({
      hangSignal: "SIGABRT",
    });
    const [first] = world.processes;
    hanging.add(first!);
    world.looks.set(first!.pid, { ...IDLE, dumps: true });
    await pass(TIMEOUT + 2000);
    assert.equal(all("worker-hung").length, 1);
    await pass(10_000);
    assert.deepEqual(first!.signals, ["SIGABRT"]);
    world.looks.set(first!.pid, IDLE);
    await pass(1000);
    assert.deepEqual(first!.signals, ["SIGABRT", "SIGKILL"]);
    assert.equal(all("worker-exited")[0]!.reason, "hung");
  });

  test("is nobody's business with 0, while it starts or drains, or when it never spoke", async () => {
    const off = await scene({ hangTimeout: 0 });
    off.hanging.add(off.world.processes[0]!);
    await off.pass(20 * TIMEOUT);
    assert.deepEqual(off.all("worker-hung"), []);

    const { world, pool, pass, hanging, all } = await scene();
    const [, last] = world.processes;
    hanging.add(last!);
    pool.scale(1);
    await pass(29_000);
    assert.deepEqual(last!.signals, []);
    await pass(2000);
    assert.deepEqual(last!.signals, ["SIGKILL"]);
    assert.match(
      all("worker-killed")[0]!.why,
      /not done 30000 ms .* has not answered for 29 s: its event loop does not/,
    );
    assert.deepEqual(all("worker-hung"), []);

    const exec = stage({ hangTimeout: TIMEOUT, program: "/bin/app" });
    void exec.pool.start();
    await settle();
    for (let i = 0; i < 100; i++) exec.world.advance(1000);
    await settle();
    assert.equal(exec.pool.status().state, "running");
    assert.deepEqual(exec.all("worker-hung"), []);
  });
});

describe("a hang of the supervisor's own", () => {
  test("a stopped supervisor, or a suspended machine, has nobody killed", async () => {
    const { world, pass, hanging, all } = await scene();
    for (const process of world.processes) hanging.add(process);
    for (let i = 0; i < 10; i++) {
      await pass(2 * TIMEOUT / 3);
      // What workers say meanwhile is read afterwards.
      world.standStill(40_000);
      await settle();
    }
    assert.deepEqual(all("worker-hung"), []);
    const wakes = world.processes[0]!.heard.filter((message) =>
      (message as { type?: unknown }).type === "wake"
    );
    assert.equal(wakes.length, 2, "one was answered, one is owed");
    // One that really hangs is found once nothing stands still any more.
    hanging.delete(world.processes[1]!);
    world.processes[1]!.say({ type: "heard", count: 1 });
    await pass(3 * TIMEOUT);
    assert.equal(all("worker-hung").length, 1);
  });

  test("also when it stands still between suspicion and verdict", async () => {
    const { world, pass, hanging, all } = await scene();
    hanging.add(world.processes[0]!);
    // Asked after 1000, suspected 3000 later, judged 1000 after that.
    await pass(TIMEOUT + 1500);
    hanging.clear();
    world.standStill(40_000);
    await settle();
    world.processes[0]!.say({ type: "heard", count: 1 });
    await pass(3 * TIMEOUT);
    assert.deepEqual(all("worker-hung"), []);
  });
});

test("where nobody answers one is replaced, and the next when that one has come up", async () => {
  const { world, pass, hanging, boots, all } = await scene({ workers: 4 });
  const first = world.processes.slice();
  for (const process of first) hanging.add(process);
  boots.now = false;
  await pass(3 * TIMEOUT);
  assert.equal(all("worker-hung").length, 1);
  assert.equal(world.processes.length, 5);
  boots.now = true;
  world.processes[4]!.getReady();
  await pass(3 * TIMEOUT);
  assert.equal(all("worker-hung").length, 4);
  assert.equal(world.alive.length, 4);
  assert.ok(!first.some(({ alive }) => alive));
});

test("a worker that the machine gives no CPU is not taken as hung, which is said once", async () => {
  const { world, pass, hanging, all } = await scene();
  const [first] = world.processes;
  hanging.add(first!);
  const { clock } = world.adapter;
  world.looks.get = () => ({ ...IDLE, state: "R", waited: clock.now() });
  await pass(5 * TIMEOUT);
  assert.deepEqual(all("worker-hung"), []);
  const said = all("warning").filter(({ message }) => /busy/.test(message));
  assert.equal(said.length, 1);
});

describe("what it does, in words", () => {
  const before = { at: 0, look: IDLE };
  const seen = (look: Partial<ProcessLook>, loop: "stalled" | "turns") =>
    evidenceOf(before, { at: 1000, look: { ...IDLE, ...look } }, loop);

  for (
    const [what, look, why] of [
      ["while (true)", { state: "R", cpu: 1080, mainCpu: 1070 }, /runs code/],
      ["as it sleeps for a moment", { cpu: 1080, mainCpu: 1070 }, /runs code/],
      [
        "on a busy machine",
        { cpu: 300, mainCpu: 290, waited: 800 },
        /runs code/,
      ],
      [
        "as it is compiled",
        { cpu: 300, mainCpu: 200, waited: 800 },
        /runs code/,
      ],
      ["garbage", { state: "R", cpu: 1700, mainCpu: 1000 }, /several threads/],
      ["SIGSTOP", { state: "T" }, /stopped, as by SIGSTOP/],
      ["gdb", { state: "t" }, /debugger/],
      ["a disk", { state: "D", wchan: "nfs_wait" }, /disk \(nfs_wait\)/],
      ["a pipe", { syscall: "read of pipe:[7]" }, /call, read of pipe:\[7\]/],
      ["nothing known", { syscall: undefined! }, /not for its events/],
    ] as const
  ) {
    test(what, () => assert.match(seen(look, "stalled").why, why));
  }

  test("a loop that turns has a channel that nobody reads", () => {
    assert.match(seen({}, "turns").why, /turns, but it reads nothing/);
  });

  test("CPU counts between the looks, and only of one process", () => {
    assert.equal(seen({ cpu: 400 }, "stalled").cpu, 300);
    assert.equal(seen({ cpu: 400, pid: 7 }, "stalled").cpu, undefined);
    const nothing = evidenceOf(before, { at: 1, look: undefined }, "stalled");
    assert.deepEqual(nothing, {
      why: "its event loop does not turn",
      loop: "stalled",
    });
  });

  test("who waits for a CPU starves, who burns it or sleeps does not", () => {
    const is = (look: Partial<ProcessLook>): boolean =>
      isStarved(before, { at: 1000, look: { ...IDLE, ...look } });
    assert.equal(is({ state: "R", waited: 950 }), true);
    assert.equal(is({ state: "R", waited: 950, cpu: 600 }), false);
    assert.equal(is({ state: "S", waited: 950 }), false);
    assert.equal(is({ state: "R", waited: 100 }), false);
  });
});
