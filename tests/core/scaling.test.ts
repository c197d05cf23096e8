import assert from "node:assert/strict";
import { MemoryWorld } from "../../adapters/memory.ts";
import type { ProcessLook } from "../../core/adapter/look.ts";
import type { PoolOptions } from "../../core/options/options.ts";
import { checkScaling } from "../../core/options/scaling.ts";
import { judge, type LoadSample } from "../../core/supervise/scaling.ts";
import { describe, test } from "../harness.ts";
import { createRandom } from "../random.ts";
import { settle, type Stage, stage } from "./world.ts";

const SECOND = 1_000;
const RULES = { range: { min: 2, max: 8 }, ...checkScaling({}) };

function samples(
  count: number,
  busy: number,
  more: Partial<LoadSample> = {},
): LoadSample[] {
  return Array.from(
    { length: count },
    () => ({ ms: SECOND, busy, newest: busy, waiting: false, ...more }),
  );
}

const wanted = (samples: readonly LoadSample[], workers: number) =>
  judge(samples, workers, RULES)?.workers;

describe("the rule of scaling", () => {
  test("up at 70 % of 5 s, by as many as bring it below, and never above the most", () => {
    assert.equal(wanted(samples(4, 1), 2), undefined);
    assert.equal(wanted(samples(5, 0.69), 2), undefined);
    assert.equal(wanted(samples(5, 0.7), 2), 3);
    assert.equal(wanted(samples(5, 1), 2), 3);
    assert.equal(wanted(samples(5, 1), 4), 6);
    assert.equal(wanted(samples(5, 1), 6), 8);
    assert.equal(wanted(samples(5, 1), 8), undefined);
    assert.equal(wanted([...samples(60, 0), ...samples(5, 1)], 2), 3);
  });

  test("up by one when connections have waited at each look of 5 s", () => {
    assert.equal(wanted(samples(5, 0.1, { waiting: true }), 2), 3);
    const once = [...samples(4, 0.1, { waiting: true }), ...samples(1, 0.1)];
    assert.equal(wanted(once, 2), undefined);
  });

  test("down by one below 30 % of 60 s, and never below the least", () => {
    assert.equal(wanted(samples(59, 0.1), 4), undefined);
    assert.equal(wanted(samples(60, 0.3), 4), undefined);
    assert.equal(wanted(samples(60, 0.29), 4), 3);
    assert.equal(wanted(samples(60, 0), 2), undefined);
  });

  test("not down while the newest slot is busy, or somebody waits", () => {
    const busy = samples(1, 0.1, { newest: 0.5 });
    assert.equal(wanted([...samples(60, 0.1), ...busy], 4), undefined);
    const waits = samples(1, 0.1, { waiting: true });
    assert.equal(wanted([...samples(60, 0.1), ...waits], 4), undefined);
  });

  test("not down when those that stay would be busy enough for one more", () => {
    const rules = {
      range: { min: 1, max: 8 },
      ...checkScaling({ scaleDown: { at: 0.6 } }),
    };
    assert.equal(judge(samples(60, 0.5), 2, rules), undefined);
    assert.equal(judge(samples(60, 0.45), 4, rules)?.workers, 3);
  });

  test("a pool that has fewer than the least, from its predecessor, gets those", () => {
    assert.equal(wanted(samples(1, 0), 1), 2);
  });

  test("the reason is what was seen", () => {
    assert.equal(
      judge(samples(5, 0.923), 2, RULES)?.reason,
      "they were busy 92 % of 5000 ms",
    );
  });
});

/** What becomes of the workers under a load, given in busy workers. */
function simulate(
  seconds: number,
  load: (second: number) => number,
  rules: typeof RULES,
): { readonly history: readonly number[]; readonly turns: number } {
  let workers = rules.range.min;
  let seen: LoadSample[] = [];
  const history: number[] = [];
  let turns = 0;
  let direction = 0;
  for (let second = 0; second < seconds; second++) {
    const busy = Math.min(1, load(second) / workers);
    seen.push({ ms: SECOND, busy, newest: busy, waiting: busy === 1 });
    const verdict = judge(seen, workers, rules)?.workers;
    if (verdict !== undefined) {
      const now = Math.sign(verdict - workers);
      if (now === -direction) turns++;
      direction = now;
      workers = verdict;
      seen = [];
    }
    history.push(workers);
  }
  return { history, turns };
}

describe("a day of load", () => {
  const DAY = 86_400;
  const rules = { ...RULES, range: { min: 2, max: 16 } };

  test("one that goes up and down once: as many as are needed, and no flapping", () => {
    const random = createRandom(11);
    // From 0.2 to 9.8 busy workers, and each second up to a third off.
    const load = (second: number): number => {
      const mean = 5 - 4.8 * Math.cos(second / DAY * 2 * Math.PI);
      return mean * (1 + (random.next() - 0.5) * 2 / 3);
    };
    const { history, turns } = simulate(DAY, load, rules);
    assert.ok(history.every((workers) => workers >= 2 && workers <= 16));
    assert.ok(Math.max(...history) >= 14, "9.8 busy ones are 70 % of 14");
    assert.equal(history.at(-1), 2);
    assert.ok(turns <= 2, `${turns} changes of direction`);
    assert.ok(changes(history) <= 40, `${changes(history)} changes`);
  });

  test("one of 20 s of work in each minute keeps what it needs for that", () => {
    const load = (second: number): number => second % 60 < 20 ? 4 : 0.2;
    const { history } = simulate(DAY, load, rules);
    assert.equal(changes(history.slice(600)), 0);
    assert.ok(history.at(-1)! >= 4);
  });

  test("one that stays as it is, whatever it is, is settled for good", () => {
    for (let load = 0; load <= 20; load += 0.2) {
      for (const down of [0.1, 0.3, 0.69]) {
        const mine = {
          ...rules,
          ...checkScaling({ scaleDown: { at: down } }),
        };
        const { history, turns } = simulate(3_600, () => load, mine);
        assert.equal(changes(history.slice(1_800)), 0, `${load} at ${down}`);
        assert.equal(turns, 0, `${load} at ${down}`);
      }
    }
  });
});

function changes(history: readonly number[]): number {
  return history.filter((workers, i) => i > 0 && workers !== history[i - 1])
    .length;
}

/** A pool of one to three, whose workers are as busy as is said. */
async function scaling(
  options: Partial<PoolOptions> = {},
): Promise<
  Stage & {
    busy: Map<number, number>;
    pass(seconds: number): Promise<void>;
    alive(): number;
  }
> {
  const world = new MemoryWorld();
  const made = stage({
    workers: { min: 1, max: 3 },
    soak: 0,
    ...options,
  }, world);
  const busy = new Map<number, number>();
  world.onSpawn = (process) => queueMicrotask(() => process.getReady());
  await made.pool.start();
  await settle();
  const used = new Map<number, number>();
  return {
    ...made,
    busy,
    async pass(seconds) {
      for (let i = 0; i < seconds; i++) {
        for (const { pid, env } of world.alive) {
          const part = busy.get(Number(env["PREFORK_SLOT"])) ?? 0;
          used.set(pid, (used.get(pid) ?? 0) + part * SECOND);
          const mainCpu = used.get(pid)!;
          world.looks.set(pid, { ...LOOK, pid, mainCpu, cpu: 2 * mainCpu });
        }
        world.advance(SECOND);
        await settle();
        for (const each of world.alive) if (each.wasTold("drain")) each.exit();
        await settle();
      }
    },
    alive: () => world.alive.length,
  };
}

const LOOK: ProcessLook = {
  pid: 0,
  state: "S",
  session: 0,
  cpu: 0,
  mainCpu: 0,
  waited: 0,
  rss: 0,
  dumps: false,
};

describe("a pool with a range", () => {
  test("has more workers while they are busy, and gives them back one by one, the newest first", async () => {
    const made = await scaling();
    const { pool, busy, pass } = made;
    assert.equal(made.alive(), 1);
    for (const slot of [0, 1, 2]) busy.set(slot, 1);
    await pass(6);
    assert.equal(pool.status().wanted, 2);
    await pass(8);
    assert.equal(pool.status().wanted, 3);
    await pass(60);
    assert.equal(made.alive(), 3);
    busy.clear();
    await pass(54);
    assert.equal(made.alive(), 3, "they were busy in the last minute");
    await pass(8);
    assert.deepEqual(
      pool.status().workers.map(({ slot }) => slot),
      [0, 1],
      "the newest is gone",
    );
    await pass(50);
    assert.equal(made.alive(), 2, "not before the time has passed again");
    await pass(14);
    assert.equal(made.alive(), 1);
    await pass(200);
    assert.equal(made.alive(), 1);
    assert.deepEqual(
      made.all("scaled").map(({ from, to, reason }) => [from, to, reason]),
      [
        [1, 2, "they were busy 100 % of 5000 ms"],
        [2, 3, "they were busy 100 % of 5000 ms"],
        [3, 2, "they were busy 3 % of 60000 ms"],
        [2, 1, "they were busy 0 % of 60000 ms"],
      ],
    );
  });

  test("is scaled by hand within it, and goes on from there", async () => {
    const { pool, pass } = await scaling({ workers: { min: 2, max: 3 } });
    for (const workers of [1, 4]) {
      assert.throws(() => pool.scale(workers), {
        name: "RangeError",
        message:
          `Cannot use ${workers} for "workers": it must be a whole number from 2 to 3, or 0`,
      });
    }
    pool.scale(3);
    await pass(59);
    assert.equal(pool.status().wanted, 3);
    await pass(5);
    assert.equal(pool.status().wanted, 2);
    pool.scale(0);
    await pass(100);
    assert.equal(
      pool.status().wanted,
      0,
      "nobody who is not wanted comes back",
    );
  });

  test("TTIN and TTOU stay within it", async () => {
    const made = await scaling({ workers: { min: 2, max: 3 }, signals: true });
    const { pool, world } = made;
    for (let i = 0; i < 3; i++) world.signal("SIGTTIN");
    await settle();
    assert.equal(pool.status().wanted, 3);
    for (let i = 0; i < 3; i++) world.signal("SIGTTOU");
    await settle();
    assert.equal(pool.status().wanted, 2);
    assert.deepEqual(
      [...new Set(made.all("warning").map(({ message }) => message))],
      [
        "SIGTTIN: 3 workers are the most there can be",
        "SIGTTOU: 2 workers are the fewest there can be",
      ],
    );
  });

  test("waits for whoever is not ready, and does not scale in a reload", async () => {
    const { pool, busy, pass, world } = await scaling();
    world.onSpawn = () => {};
    busy.set(0, 1);
    void pool.reload().catch(() => {});
    await pass(30);
    assert.equal(pool.status().wanted, 1);
    world.onSpawn = (process) => queueMicrotask(() => process.getReady());
    world.processes.at(-1)!.getReady();
    await pass(30);
    assert.ok(pool.status().wanted > 1);
  });

  test("has no more workers than there is memory for, and says so once", async () => {
    const made = await scaling({
      memory: 100 * 2 ** 20,
      maxRss: 2 ** 30,
    });
    const { pool, busy, pass, world } = made;
    world.rss.set(1, 30 * 2 ** 20);
    for (const { pid } of world.processes) world.rss.set(pid, 40 * 2 ** 20);
    busy.set(0, 1);
    await pass(30);
    assert.equal(pool.status().wanted, 1);
    const told = made.all("warning").map(({ message }) => message);
    assert.deepEqual(told.filter((message) => message.includes("enough")), [
      "1 workers are not enough (they were busy 100 % of 5000 ms), and there is no memory for more: the pool holds 70.0 MiB, and with 1 more workers 110.0 MiB, of 100.0 MiB (memory)",
    ]);
  });

  test("a program in another language counts with all of its threads", async () => {
    const { pool, busy, pass } = await scaling({
      program: "app",
      runtime: "exec",
    });
    busy.set(0, 0.4);
    await pass(10);
    assert.equal(pool.status().wanted, 2);
  });

  test("one whose workers cannot be looked at says so, once", async () => {
    const made = await scaling();
    made.world.looks.clear();
    for (let i = 0; i < 30; i++) {
      made.world.advance(SECOND);
      await settle();
    }
    assert.deepEqual(made.all("warning").map(({ message }) => message), [
      "the pool cannot scale by its load: what its workers use cannot be read from /proc",
    ]);
  });

  test("a stop ends the looks", async () => {
    const { pool, world } = await scaling();
    const stop = pool.stop();
    await settle();
    for (const each of world.alive) each.exit();
    await stop;
    world.advance(100 * SECOND);
  });
});
