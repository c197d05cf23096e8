import assert from "node:assert/strict";
import type { PoolHooks } from "../../core/options/hooks.ts";
import { describe, test } from "../harness.ts";
import { running, settle, stage } from "./world.ts";

/** Hooks that note what they are called with. */
function noted(): { hooks: PoolHooks; calls: [string, object][] } {
  const calls: [string, object][] = [];
  const note = (name: string) => (worker: object) => calls.push([name, worker]);
  return {
    hooks: {
      beforeStart: note("beforeStart"),
      ready: note("ready"),
      drained: note("drained"),
      exited: note("exited"),
    },
    calls,
  };
}

const NO_KIND = {
  crashed: false,
  hung: false,
  recycled: false,
  oom: false,
  forced: false,
};

describe("hooks", () => {
  test("are called at the turns of a worker's life, in order", async () => {
    const { hooks, calls } = noted();
    const { world, pool } = await running({ workers: 1, hooks });
    pool.stop();
    world.processes[0]!.exit();
    await settle();
    const worker = { slot: 0, generation: 1 };
    const started = { ...worker, pid: 1001, ms: 0 };
    assert.deepEqual(calls, [
      ["beforeStart", worker],
      ["ready", started],
      ["drained", started],
      [
        "exited",
        { ...started, code: 0, signal: null, reason: "drained", ...NO_KIND },
      ],
    ]);
  });

  test("the first is called before there is a process", async () => {
    let processes = -1;
    const made = stage({
      workers: 1,
      hooks: { beforeStart: () => processes = made.world.processes.length },
    });
    made.pool.start().catch(() => {});
    await settle();
    assert.equal(processes, 0);
    assert.equal(made.world.processes.length, 1);
  });

  test("an end says what it was", async () => {
    const { hooks, calls } = noted();
    const { world, pool } = await running({ hooks });
    world.processes[0]!.exit({ code: 1 });
    await settle();
    pool.stop({ quick: true });
    await settle();
    const kinds = calls.filter(([name]) => name === "exited").map(
      (
        [, { crashed, forced }]: [
          string,
          { crashed?: boolean; forced?: boolean },
        ],
      ) => ({
        crashed,
        forced,
      }),
    );
    assert.deepEqual(kinds, [
      { crashed: true, forced: false },
      { crashed: false, forced: true },
      { crashed: false, forced: true },
    ]);
    assert.equal(calls.some(([name]) => name === "drained"), false);
  });

  test("one that throws or rejects hurts nobody and is told once", async () => {
    const { world, pool, all } = await running({
      hooks: {
        beforeStart: () => {
          throw new Error("not now");
        },
        exited: () => Promise.reject(new Error("not ever")),
      },
    });
    for (const process of [...world.processes]) process.exit({ code: 1 });
    await settle();
    world.advance(1_000);
    await settle();
    assert.equal(pool.status().ready, 2);
    assert.deepEqual(all("warning").map(({ message }) => message), [
      'the hook "beforeStart" has failed, which is told once: not now',
      'the hook "exited" has failed, which is told once: not ever',
    ]);
  });

  test("one that stops the pool at each start does it once", async () => {
    const made = stage({
      workers: 3,
      hooks: {
        beforeStart: () => {
          void made.pool.stop();
          void made.pool.stop();
        },
      },
    });
    const start = made.pool.start();
    await settle();
    for (const each of made.world.alive) each.exit();
    await assert.rejects(start, { code: "ERR_STATE" });
    await settle();
    assert.deepEqual(made.all("stopping"), [{
      type: "stopping",
      quick: false,
    }]);
  });

  test("hooks may be methods of a class", async () => {
    class Own {
      readonly pids: number[] = [];
      ready({ pid }: { readonly pid: number }): void {
        this.pids.push(pid);
      }
    }
    const hooks = new Own();
    const { world } = await running({ hooks });
    assert.deepEqual(
      hooks.pids,
      world.processes.map(({ pid }) => pid),
    );
  });

  test("one may call the pool", async () => {
    const made = stage({
      workers: 1,
      hooks: { ready: () => made.pool.scale(2) },
    });
    made.world.onSpawn = (process) => queueMicrotask(() => process.getReady());
    await made.pool.start();
    await settle();
    assert.equal(made.pool.status().ready, 2);
  });

  test("unknown ones are refused", () => {
    assert.throws(
      () => stage({ hooks: { onReady: () => {} } as PoolHooks }),
      /no hook "onReady", valid are beforeStart, ready, drained, exited/,
    );
    assert.throws(
      () => stage({ hooks: { ready: 1 } as unknown as PoolHooks }),
      /1 for "hooks.ready": it must be a function/,
    );
  });
});

describe("on()", () => {
  test("calls a listener with its events until it is disposed", async () => {
    const { world, pool } = await running({ workers: 1 });
    const slots: number[] = [];
    const listening = pool.on("worker-exited", ({ slot }) => slots.push(slot));
    world.processes[0]!.exit({ code: 1 });
    await settle();
    assert.deepEqual(slots, [0]);
    listening[Symbol.dispose]();
    world.processes[1]!.exit({ code: 1 });
    await settle();
    assert.deepEqual(slots, [0]);
  });

  test("hears the last event", async () => {
    const { pool } = await running({ workers: 1 });
    const killed: number[] = [];
    pool.on("stopped", (event) => killed.push(event.killed));
    await pool.stop({ quick: true });
    await settle();
    assert.deepEqual(killed, [1]);
  });

  test("a listener that throws hurts nobody and is told once, also one of warnings", async () => {
    const { pool, all } = await running({ workers: 1 });
    pool.on("warning", () => {
      throw new Error("no");
    });
    const heard: string[] = [];
    pool.on("warning", ({ message }) => heard.push(message));
    pool.warn("one");
    pool.warn("two");
    await settle();
    const told = 'a listener of "warning" has failed, which is told once: no';
    assert.deepEqual(heard.toSorted(), [told, "one", "two"]);
    assert.equal(all("warning").length, 3);
  });

  test("refuses what is no function", async () => {
    const { pool } = await running({ workers: 1 });
    assert.throws(
      () => pool.on("warning", "no" as never),
      /Cannot listen to "warning": the listener must be a function/,
    );
  });

  test("refuses events that there are not", async () => {
    const { pool } = await running({ workers: 1 });
    for (
      const [type, instead] of [
        ["worker_ready", 'did you mean "worker-ready"?'],
        ["constructor", "valid are listening, "],
        [undefined, "valid are listening, "],
      ] as const
    ) {
      assert.throws(
        () => pool.on(type as never, () => {}),
        (error: Error) =>
          error instanceof TypeError &&
          error.message.startsWith(
            `Cannot listen to "${type}": there is no such event, ${instead}`,
          ),
      );
    }
  });
});
