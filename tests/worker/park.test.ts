/** A worker is parked and accepts again: each kind of server in each mode. */
import assert from "node:assert/strict";
import process from "node:process";
import type { ShareMode } from "../../core/adapter.ts";
import { patience } from "../pace.ts";
import { connect } from "./client.ts";
import {
  drainMessage,
  type FakeSupervisor,
  type FakeWorker,
  type ListenerPlan,
  type Message,
} from "./fake_supervisor.ts";
import { ask, type Kind, KINDS } from "./requests.ts";
import { testWorker } from "./test_worker.ts";

const GET = "GET / HTTP/1.1\r\nHost: x\r\n\r\n";

const park = (ms = 20_000, idle = 50): Message => ({
  prefork: 1,
  type: "park",
  ms: patience(ms),
  idle,
});
const resume = (slot = 0): Message => ({ prefork: 1, type: "resume", slot });

/** A server in a mode, and where clients find it. */
interface Place {
  readonly kind: Kind;
  readonly mode: ShareMode;
  port: number;
}

/** Binds a listener for each kind in each mode. */
async function placesOf(
  supervisor: FakeSupervisor,
  modes: readonly ShareMode[],
): Promise<{ places: Place[]; listeners: ListenerPlan[] }> {
  const places: Place[] = [];
  const listeners: ListenerPlan[] = [];
  for (const mode of modes) {
    for (const kind of KINDS) {
      const name = `${mode}-${kind}`;
      if (mode === "handoff") {
        places.push({ kind, mode, port: 0 });
        listeners.push({ name, port: 1, mode });
        continue;
      }
      const sharded = mode === "sharded";
      const first = await supervisor.bind(sharded, 0);
      const { port } = first;
      const sockets = [first.index];
      if (sharded) sockets.push((await supervisor.bind(true, port)).index);
      places.push({ kind, mode, port });
      listeners.push({ name, port, mode, sockets });
    }
  }
  return { places, listeners };
}

/** Everybody is answered by this worker. */
async function servedBy(
  { pid }: FakeWorker,
  places: readonly Place[],
): Promise<void> {
  for (const { kind, mode, port } of places) {
    // Enough that the kernel's hash hits both shards.
    for (let i = 0; i < (mode === "sharded" ? 4 : 2); i++) {
      const text = kind === "net"
        ? await greeting(port)
        : await ask(kind, port);
      assert.match(text, new RegExp(`pid ${pid}$`), `${mode}-${kind}`);
    }
  }
}

async function greeting(port: number): Promise<string> {
  const client = await connect(port);
  const text = await client.until(/pid \d+/);
  client.close();
  return text;
}

testWorker(
  "a parked worker leaves every connection to the other one, and has them again",
  async (runtime, supervisor) => {
    if (process.platform !== "linux") return;
    const modes = ["shared", "balanced", "sharded"] as const;
    const { places, listeners } = await placesOf(supervisor, modes);
    const start = (slot: number): Promise<FakeWorker> =>
      supervisor.spawn({
        runtime,
        program: ["park_program.ts"],
        slot,
        board: { seat: slot },
        listeners: listeners.map((each) => ({
          ...each,
          shard: each.mode === "sharded" ? slot : 0,
        })),
      });
    const workers = [await start(0), await start(1)] as const;
    for (const each of workers) await each.until({ type: "ready" });
    for (let i = 1; i <= 2; i++) {
      const [parked, other] = i % 2 === 0 ? workers : workers.toReversed();
      const nth = Math.ceil(i / 2);
      await parked!.send(park());
      await parked!.until({ type: "parked" }, nth);
      for (const { name, mode } of listeners) {
        if (mode !== "sharded") continue;
        const shard = workers.indexOf(parked!);
        const adopt = { prefork: 1, type: "adopt", listener: name, shard };
        await other!.send(adopt);
        await other!.until({ type: "adopted", listener: name, shard });
      }
      await servedBy(other!, places);
      await parked!.send(resume(workers.indexOf(parked!)));
      await parked!.until({ type: "ready" }, nth + 1);
    }
    const [first] = workers;
    await first.send(park());
    await first.until({ type: "parked" }, 2);
    await first.send({ look: true });
    const look = await first.until({ looked: true });
    assert.equal(look["listening"], true);
    assert.equal(look["draining"], false);
    assert.ok(!first.messages.some(({ closed }) => closed !== undefined));
    for (const each of workers) {
      await each.send(drainMessage(patience(10_000), 50));
      assert.equal((await each.exited).code, 0, each.output());
    }
  },
);

testWorker(
  "a standby listens for its program, accepts nothing, and takes over a slot",
  async (runtime, supervisor) => {
    if (process.platform !== "linux") return;
    const modes = ["shared", "balanced", "sharded", "handoff"] as const;
    const { places, listeners } = await placesOf(supervisor, modes);
    const start = (seat: number, slot = seat): Promise<FakeWorker> =>
      supervisor.spawn({
        runtime,
        program: ["park_program.ts"],
        slot,
        board: { seat },
        standby: seat > 0,
        listeners: listeners.map((each) => ({
          ...each,
          shard: each.mode === "sharded" ? slot : 0,
        })),
      });
    const first = await start(0);
    await first.until({ type: "ready" });
    const standby = await start(1);
    await standby.until({ type: "standby" });
    for (const { name } of listeners) {
      if (!name.endsWith("serve")) await standby.until({ listening: name });
    }
    const others = places.filter(({ mode }) => mode !== "handoff");
    await servedBy(first, others);
    await first.kill("SIGKILL");
    await first.exited;
    for (const place of places) {
      if (place.mode !== "handoff") continue;
      const deal = Array.from({ length: 2 }, () => standby);
      place.port = await supervisor.handoff(`handoff-${place.kind}`, deal);
    }
    await standby.send(resume(0));
    await standby.until({ type: "ready" });
    await servedBy(standby, places);
    await standby.send({ look: true });
    const look = await standby.until({ looked: true });
    assert.deepEqual(
      [look["slot"], look["variable"], look["listening"]],
      [0, "0", true],
    );
    const unused = await start(1);
    await unused.until({ type: "standby" });
    assert.ok(!unused.messages.some(({ type }) => type === "ready"));
    for (const each of [standby, unused]) {
      await each.send(drainMessage(patience(10_000), 50));
      assert.equal((await each.exited).code, 0, each.output());
    }
  },
);

for (const kind of ["http", "serve"] as const) {
  const name =
    `${kind}: what a parked worker has is answered to its end, and what is idle is ended`;
  testWorker(name, async (runtime, supervisor) => {
    if (process.platform !== "linux") return;
    const { index, port } = await supervisor.bind();
    const worker = await supervisor.spawn({
      runtime,
      program: ["park_program.ts"],
      listeners: [{ name: kind, port, sockets: [index] }],
    });
    await worker.until({ type: "ready" });
    const idle = await connect(port);
    idle.send(GET);
    await idle.until(/pid/);
    const busy = await connect(port);
    busy.send(GET.replace("/", "/wait"));
    await worker.until({ waits: true });
    await worker.send(park());
    assert.equal(await idle.ended, "end");
    // In the queue of the socket, for whoever accepts next.
    const late = await connect(port);
    late.send(GET);
    await worker.send({ go: true });
    assert.match(await busy.until(/pid \d+$/), /^connection: close/im);
    assert.equal(await busy.ended, "end");
    await worker.until({ type: "parked" });
    assert.equal(late.text(), "");
    await worker.send(resume());
    const answer = await late.until(/pid \d+$/);
    assert.doesNotMatch(answer, /^connection: close/im);
    // It is resumed before it has parked: what is open stays so.
    await worker.send(park(20_000, 60_000));
    await worker.send(resume());
    await worker.until({ type: "ready" }, 3);
    late.send(GET);
    await late.until(/pid \d+[^]*pid \d+$/);
    await worker.send(park());
    await worker.send(drainMessage(patience(10_000), 50));
    assert.equal((await worker.exited).code, 0, worker.output());
  });
}

testWorker(
  "handoff: a parked worker answers what was on its way, and closes it",
  async (runtime, supervisor) => {
    const { places, listeners } = await placesOf(supervisor, ["handoff"]);
    const worker = await supervisor.spawn({
      runtime,
      program: ["park_program.ts"],
      listeners,
    });
    await worker.until({ type: "ready" });
    for (const place of places) {
      const deal = Array.from({ length: 9 }, () => worker);
      place.port = await supervisor.handoff(`handoff-${place.kind}`, deal);
    }
    await servedBy(worker, places);
    await worker.send(park());
    await worker.until({ type: "parked" });
    for (const { kind, port } of places) {
      if (kind !== "http") continue;
      const late = await connect(port);
      late.send(GET);
      await late.until(/pid/);
      assert.equal(await late.ended, "end");
    }
    await worker.send(resume());
    await worker.until({ type: "ready" }, 2);
    await servedBy(worker, places);
    await worker.send(drainMessage(patience(10_000), 50));
    assert.equal((await worker.exited).code, 0, worker.output());
  },
);

testWorker(
  "what cannot be parked says so and goes on",
  async (runtime, supervisor) => {
    const shared = await supervisor.bind();
    const { port } = await supervisor.bind(true);
    const worker = await supervisor.spawn({
      runtime,
      program: ["park_program.ts"],
      listeners: [
        { name: "net", port: shared.port, sockets: [shared.index] },
        { name: "reuseport-net", port, mode: "reuseport" },
      ],
    });
    await worker.until({ type: "ready" });
    await worker.send(park());
    const { reason } = await worker.until({ type: "unparkable" });
    assert.match(String(reason), /reuseport/);
    for (const each of [shared.port, port]) {
      assert.equal(await greeting(each), `pid ${worker.pid}`);
    }
    await worker.send(drainMessage(patience(10_000), 50));
    assert.equal((await worker.exited).code, 0, worker.output());
  },
);

for (const wait of [false, true]) {
  testWorker(
    `a program that knows nothing of prefork stands by and is parked${
      wait ? ", and says itself that it is ready" : ""
    }`,
    async (runtime, supervisor) => {
      if (process.platform !== "linux") return;
      const listeners: ListenerPlan[] = [];
      for (const name of ["one", "two", "three"]) {
        const { index, port } = await supervisor.bind();
        listeners.push({ name, port, sockets: [index] });
      }
      const [one, two, three] = listeners.map(({ port }) => port);
      const worker = await supervisor.spawn({
        runtime,
        program: [
          "plain_park.ts",
          ...[one, two, three].map(String),
          ...wait ? ["wait"] : [],
        ],
        listeners,
        standby: true,
        preload: { waitReady: wait },
      });
      const asked = async (): Promise<void> => {
        for (const port of [one!, two!]) {
          assert.ok((await ask("http", port)).endsWith(`pid ${worker.pid}`));
        }
        assert.equal(await greeting(three!), `pid ${worker.pid}`);
      };
      const said = (what: unknown): boolean =>
        worker.messages.some((each) => (each as unknown) === what);
      await worker.until({ type: "standby" });
      await worker.wrote(/http listens/);
      await worker.wrote(/a child inherits null/);
      assert.equal(said("ready"), false);
      await worker.send(resume());
      await worker.until({ type: "ready" });
      assert.equal(said("ready"), wait);
      await asked();
      await worker.send(park());
      await worker.until({ type: "parked" });
      await worker.send(resume());
      await worker.until({ type: "ready" }, 2);
      await asked();
      assert.doesNotMatch(worker.output(), /SIGTERM/);
      await worker.send(park());
      await worker.until({ type: "parked" }, 2);
      await worker.send(drainMessage(patience(10_000), 50));
      assert.equal((await worker.exited).code, 0, worker.output());
      assert.match(worker.output(), /heard SIGTERM/);
    },
  );
}
