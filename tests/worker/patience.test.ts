/** When a server with connections can be closed and nobody notices. */
import assert from "node:assert/strict";
import { test } from "../harness.ts";
import type { OpenConnection } from "../../worker/graft/connections.ts";
import { type Requests, untilHarmless } from "../../worker/graft/patience.ts";

const NOTHING: Requests = {
  count: 0,
  lastEnd: -Infinity,
  clients: () => new Set(),
  wasLast: () => false,
  hasStreams: () => false,
};
const IDLE = 60;

/** How many looks it took, and which connections were hung up. */
async function looks(
  connections: (look: number) => Partial<OpenConnection>[],
  requests: Partial<Requests> = {},
  window = 10_000,
  othersLeft: (look: number) => boolean = () => false,
  headsBy = Infinity,
  idle = IDLE,
): Promise<{ count: number; hungUp: number[] }> {
  let count = 0;
  const hungUp: number[] = [];
  const view = {
    open: () =>
      connections(++count).map((each) => ({
        fd: 1,
        peer: "client",
        asks: false,
        quiet: 100_000,
        ...each,
      })),
    count: () => 0,
    list: () => [],
    hangUp: ({ fd }: Pick<OpenConnection, "fd">) => void hungUp.push(fd),
  };
  const all = { ...NOTHING, ...requests };
  const heads = { headsBy: () => headsBy, encrypted: false };
  await untilHarmless(
    view,
    all,
    idle,
    window,
    heads,
    { othersLeft: () => othersLeft(count + 1) },
  );
  return { count, hungUp };
}

function standStill(ms: number): void {
  const end = performance.now() + ms;
  while (performance.now() < end);
}

test("no connection: at once", async () => {
  assert.equal((await looks(() => [])).count, 1);
});

test("a connection that was idle before the drain has its time", async () => {
  const began = performance.now();
  assert.ok((await looks(() => [{}])).count > 1);
  assert.ok(performance.now() - began >= IDLE - 1);
});

test("a machine that stands still takes no time from a client", async () => {
  // Longer than two looks can be apart after the first one.
  const idle = 2 * IDLE;
  const { count } = await looks(
    (look) => {
      // For longer than an idle connection has.
      if (look === 1) queueMicrotask(() => standStill(2 * idle));
      return [{}];
    },
    undefined,
    undefined,
    undefined,
    undefined,
    idle,
  );
  assert.ok(count > 2, `${count}`);
});

test("half a request is waited for", async () => {
  const { count } = await looks((look) => look < 10 ? [{ asks: true }] : []);
  assert.equal(count, 10);
});

test("half a request is ended when its time has passed", async () => {
  const began = performance.now();
  const { hungUp } = await looks(
    () => [{ asks: true }],
    {},
    10_000,
    undefined,
    began + 50,
  );
  assert.deepEqual(hungUp, [1]);
  // What the kernel has, the server may not have read yet.
  assert.ok(performance.now() - began >= IDLE - 1);
});

test("a request in flight is left to the shutdown", async () => {
  const clients = (): Set<string> => new Set(["client"]);
  const { count } = await looks(() => [{ asks: true, quiet: 0 }], { clients });
  assert.equal(count, 1);
});

test("streams in flight are waited for, but not for ever", async () => {
  const busy = {
    clients: (): Set<string> => new Set(["client"]),
    hasStreams: () => true,
  };
  const { count } = await looks((look) => look < 8 ? [{}] : [], busy);
  assert.equal(count, 8);
  const began = performance.now();
  await looks(() => [{}], busy, 200);
  assert.ok(performance.now() - began >= 79);
});

test("a client that was told to go is hung up on", async () => {
  const { count, hungUp } = await looks((look) => look < 3 ? [{ fd: 7 }] : [], {
    wasLast: () => true,
  });
  assert.deepEqual({ count, hungUp }, { count: 1, hungUp: [7] });
});

test("who is idle is hung up on while something else has to stay", async () => {
  const { count, hungUp } = await looks(
    (look) => look < 9 ? [{ fd: 7 }, { fd: 8, asks: true }] : [],
    {},
    10_000,
    (look) => look < 10,
  );
  assert.ok(count >= 10, `${count}`);
  assert.deepEqual(new Set(hungUp), new Set([7]));
});

test("without names the whole server has to be idle", async () => {
  const began = performance.now();
  await looks(() => [{ peer: undefined, quiet: 0 }], {
    lastEnd: performance.now() + 50,
  });
  assert.ok(performance.now() - began >= 50 + IDLE - 1);
  const { count } = await looks(() => [{ peer: undefined, quiet: 0 }], {
    count: 1,
  });
  assert.equal(count, 1);
});
