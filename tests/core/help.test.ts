/**
 * Who is stuck, and who helps.
 *
 * Runs once, under bun: it is arithmetic on a clock that is set by hand.
 */
import assert from "node:assert/strict";
import { MemoryWorld } from "../../adapters/memory.ts";
import { ACTIVE_MS, Help } from "../../core/listeners/help.ts";
import { PoolWorker } from "../../core/worker.ts";
import { describe, test } from "../harness.ts";

/** Four workers that sleep, each with a shard, and what they are told. */
function scene(after = 2) {
  const world = new MemoryWorld();
  const { clock } = world.adapter;
  const workers = [0, 1, 2, 3].map((slot) =>
    new PoolWorker(slot, 1, "bun", 0, new Set())
  );
  const queues = [0, 0, 0, 0];
  const states = ["S", "S", "S", "S"];
  const touchedAt: (number | undefined)[] = [0, 0, 0, 0];
  const accepting: (PoolWorker | undefined)[] = [...workers];
  const told: string[] = [];
  const helping: number[][] = [];
  let looks = 0;
  const help = new Help({
    clock,
    after: () => after,
    look: () => void looks++,
    queued: (shard) => queues[shard]!,
    heldUp({ slot }) {
      const at = touchedAt[slot];
      return at === 0 ? 0 : at && clock.now() - at;
    },
    sleeps: ({ slot }) => states[slot] === "S",
    shards: () => accepting.entries(),
    workers: () => workers,
    helping: (shard, queued) => void helping.push([shard, queued]),
    helped: (shard) => void helping.push([shard]),
    tell: ({ slot }, type, shard) => void told.push(`${type} ${shard}>${slot}`),
  });
  world.advance(10_000);
  return {
    help,
    workers,
    queues,
    states,
    touchedAt,
    accepting,
    told,
    helping,
    pass: (ms: number) => world.advance(ms),
    looks: () => looks,
    /** A worker begins something, and connections wait on its shard. */
    stick(slot: number, waiting = 1): void {
      touchedAt[slot] = clock.now();
      states[slot] = "R";
      queues[slot] = waiting;
    },
  };
}

describe("help for a stuck worker", () => {
  test("comes from an idle one, and ends when it is back", () => {
    const { help, stick, pass, told, queues, states, touchedAt } = scene();
    stick(1);
    help.active();
    pass(2);
    assert.deepEqual(told, ["adopt 1>0"]);
    queues[1] = 0;
    pass(50);
    assert.deepEqual(told.splice(0), ["adopt 1>0"]);
    // It begins the next request.
    touchedAt[1] = 10_053;
    pass(2);
    assert.deepEqual(told.splice(0), ["release 1>0"]);
    states[1] = "S";
    pass(100);
    assert.deepEqual(told, []);
  });

  test("is not for one that runs and leaves nobody waiting", () => {
    const { help, stick, pass, told } = scene();
    stick(1, 0);
    help.active();
    pass(500);
    assert.deepEqual(told, []);
  });

  test("is not for one that goes on beginning requests", () => {
    const { help, stick, pass, told } = scene();
    help.active();
    for (let i = 0; i < 100; i++) {
      stick(1);
      pass(1);
    }
    assert.deepEqual(told, []);
  });

  test("is for one in no callback only after a while: it may have had no CPU", () => {
    const { help, stick, pass, told, touchedAt } = scene();
    stick(1);
    touchedAt[1] = 0;
    help.active();
    pass(20);
    assert.deepEqual(told, []);
    pass(4);
    assert.deepEqual(told, ["adopt 1>0"]);
  });

  test("comes to nobody sooner than it is to", () => {
    const { help, stick, pass, told, touchedAt } = scene(200);
    stick(0);
    stick(1);
    touchedAt[1] = 0;
    help.active();
    pass(190);
    assert.deepEqual(told, []);
    pass(40);
    assert.deepEqual(told.toSorted(), ["adopt 0>2", "adopt 1>3"]);
  });

  test("is for one that sleeps in a call that blocks", () => {
    const { help, stick, pass, told, states } = scene();
    stick(1);
    states[1] = "S";
    help.active();
    pass(2);
    assert.deepEqual(told, ["adopt 1>0"]);
  });

  test("is asked of those that neither run nor are waited for, in turn", () => {
    const { help, stick, pass, told, queues, states } = scene();
    stick(1);
    stick(2);
    states[0] = "R";
    help.active();
    pass(2);
    // One is left, and it helps one worker at a time.
    assert.deepEqual(told, ["adopt 1>3"]);
    queues[1] = 0;
    states[0] = "S";
    pass(2);
    assert.deepEqual(told, ["adopt 1>3", "adopt 2>0"]);
  });

  test("goes to another one when it has come to nothing", () => {
    const { help, stick, pass, told } = scene();
    stick(1);
    help.active();
    pass(2);
    assert.deepEqual(told.splice(0), ["adopt 1>0"]);
    // It accepts there, and takes nothing.
    pass(10);
    assert.match(told.join(), /^release 1>0,adopt 1>[23]$/);
  });

  test("goes to another one when nobody says that it has come", () => {
    const { help, stick, pass, told, workers } = scene();
    stick(1);
    help.active();
    workers[0]!.toHelp.ask("web", 1);
    pass(90);
    assert.deepEqual(told.splice(0), ["adopt 1>0"]);
    pass(20);
    assert.match(told.join(), /^release 1>0,adopt 1>[23]/);
  });

  test("is not for, and not from, workers that do not say what they do", () => {
    const { help, stick, pass, told, touchedAt } = scene();
    stick(1);
    touchedAt[1] = undefined;
    help.active();
    pass(100);
    assert.deepEqual(told, []);
    stick(1);
    touchedAt[0] = touchedAt[2] = touchedAt[3] = undefined;
    pass(100);
    assert.deepEqual(told, []);
  });

  test("is told of while it is there, for what is taken is no load of the shard", () => {
    const { help, stick, pass, queues, touchedAt, helping } = scene();
    stick(1, 3);
    help.active();
    pass(2);
    queues[1] = 1;
    pass(2);
    touchedAt[1] = 0;
    queues[1] = 0;
    pass(2);
    assert.deepEqual(helping, [[1, 3], [1, 1], [1, 0], [1]]);
  });

  test("has nothing to say where its worker has adopted the shard", () => {
    const { help, stick, pass, told, accepting, workers } = scene();
    stick(1);
    help.active();
    pass(2);
    accepting[1] = workers[0]!;
    pass(2);
    assert.deepEqual(told, ["adopt 1>0"]);
  });

  test("ends where nobody accepts any more, and with its worker", () => {
    const { help, stick, pass, told, accepting, workers } = scene();
    stick(1);
    help.active();
    pass(2);
    accepting[1] = undefined;
    pass(2);
    assert.deepEqual(told.splice(0), ["adopt 1>0", "release 1>0"]);
    accepting[1] = workers[1];
    pass(2);
    const [adoption = ""] = told.splice(0);
    help.leave(workers[Number(adoption.at(-1))]!);
    pass(2);
    assert.match(told.join(), /^adopt 1>\d$/);
  });

  test("looks at nothing where nobody could help another one", () => {
    const { help, workers, pass, stick, told, looks } = scene();
    const others = workers.splice(1);
    stick(0);
    help.active();
    pass(ACTIVE_MS);
    assert.equal(looks(), 0);
    workers.push(...others);
    help.active();
    pass(2);
    assert.equal(looks(), 1);
    assert.deepEqual(told, ["adopt 0>1"]);
    workers.splice(1);
    help.leave(others[0]!);
    pass(10);
    const before = looks();
    pass(ACTIVE_MS);
    assert.equal(looks(), before);
  });

  test("looks at nothing in a pool where nothing happens", () => {
    const { help, pass, looks } = scene();
    pass(10_000);
    assert.equal(looks(), 0);
    help.active();
    pass(ACTIVE_MS + 2);
    const seen = looks();
    assert.ok(seen >= ACTIVE_MS / 2, String(seen));
    pass(60_000);
    assert.equal(looks(), seen);
  });
});
